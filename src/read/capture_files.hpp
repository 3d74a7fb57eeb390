#pragma once

#include <string>
#include <vector>

#include "cginit/result.hpp"
#include "core/capture_text.hpp"

namespace cginit {

/// Reads what is in one file: a capture's text, or a tar archive of files (pax(1), and GNU tar's long names), in which of a
/// symbolic link the target counts as its text. `name` is the capture for messages, which have the line, or in an archive the
/// byte. Errors (`bad_facts`): neither of both, cut off, compressed, a path that is none, a file that is there twice.
[[nodiscard]] Result<Files> read_capture(const std::string& content, const std::string& name);

/// A directory is there if a file is below it.
[[nodiscard]] bool has_directory(const Files& files, const std::string& path);
/// The names in a directory, in byte order.
[[nodiscard]] std::vector<std::string> names_in(const Files& files, const std::string& path);

}  // namespace cginit
