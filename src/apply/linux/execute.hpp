#pragma once

#include <string>

#include "cginit/snapshot.hpp"

namespace cginit {

/// Whether execve(2) takes the file: a child executes it and is killed before its first instruction, ptrace(2). Unknown where
/// the child may not be traced, or is refused for another reason than the file's format.
[[nodiscard]] Tri kernel_executes(const std::string& file);

}  // namespace cginit
