#pragma once

#include <string>

#include "cginit/result.hpp"
#include "source/source.hpp"

namespace cginit {

/// What execve(2) would say to a file, found before anything is touched. `file` is absolute with symlinks resolved.
/// Errors: not found (127), also for a script's interpreter or an ELF file's loader; a directory, not executable, an
/// ELF file of another machine, or neither ELF nor `#!` (126).
/// A 32-bit x86 file passes on x86_64: whether it runs depends on the kernel's IA32 emulation.
[[nodiscard]] Status check_program(const Source& source, const std::string& file);

}  // namespace cginit
