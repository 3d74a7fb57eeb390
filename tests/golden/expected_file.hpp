#pragma once

#include <set>
#include <string>

namespace cginit {

/// Compares a text with a file byte for byte; returns the difference for people, empty if there
/// is none. With CGINIT_UPDATE_GOLDEN=1 the file is rewritten instead.
[[nodiscard]] std::string compare_with_file(const std::string& path, const std::string& text);
/// The same with tests/golden/expected/NAME.txt.
[[nodiscard]] std::string compare_with_expected(const std::string& name, const std::string& text);
/// The names of all expected files.
[[nodiscard]] std::set<std::string> expected_files();
/// Removes an expected file; only with CGINIT_UPDATE_GOLDEN=1, else returns false.
[[nodiscard]] bool remove_expected(const std::string& name);
/// The lines that differ: `-` expected, `+` actual, with the number of the first one.
[[nodiscard]] std::string difference(const std::string& expected, const std::string& actual);

}  // namespace cginit
