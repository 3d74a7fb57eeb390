#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cginit/result.hpp"

namespace cginit {

// Small files of /proc and of cgroups, read whole and written in one write(2); and the one file that a user asks for.

[[nodiscard]] Result<std::string> read_file(const std::string& path);
/// cgroup files take one value per write(2).
[[nodiscard]] Status write_file(const std::string& path, std::string_view value);
/// All of a file that must not be there yet. One that cannot be written whole is removed again.
[[nodiscard]] Status write_new_file(const std::string& path, std::string_view content);
/// Puts another file in the place of one that is there, with its owner and mode; all of it or nothing.
[[nodiscard]] Status replace_file(const std::string& path, std::string_view content);
/// The numbers in cgroup.procs or cgroup.threads; processes of other pid namespaces read as 0 and are left out.
[[nodiscard]] Result<std::vector<std::string>> list_numbers(const std::string& path);
/// The processes of a cgroup that this pid namespace has.
[[nodiscard]] Result<std::vector<std::string>> list_processes(const std::string& cgroup);

}  // namespace cginit
