#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cginit/mount_table.hpp"
#include "cginit/result.hpp"
#include "cginit/snapshot.hpp"

namespace cginit {

// Texts of /proc files to values; `name` is the file for messages. Every malformed line is an error with its number.

/// /proc/self/cgroup, cgroups(7).
[[nodiscard]] Result<std::vector<CgroupEntry>> parse_proc_cgroup(const std::string& text, const std::string& name);
/// CapEff, NoNewPrivs and Seccomp of /proc/self/status, proc(5). CapEff has to be there; the others came with Linux
/// 4.10 and 3.8.
[[nodiscard]] Result<ProcessStatus> parse_status(const std::string& text, const std::string& name);
/// /proc/cgroups, cgroups(7): the controllers whose last column is 1.
[[nodiscard]] std::vector<std::string> parse_enabled_controllers(const std::string& text);
/// /proc/filesystems: the last word of each line.
[[nodiscard]] std::vector<std::string> parse_filesystems(const std::string& text);
/// The number in `cgroup:[4026531835]`; empty if the text is not of that form.
[[nodiscard]] std::optional<std::uint64_t> parse_namespace_link(const std::string& text);

/// Reads the text of a mountinfo file with libmount; `name` is the file for messages. A line that does not parse is an
/// error with its number: a mount that is not seen is a mount that is not guarded.
[[nodiscard]] Result<MountTable> parse_mountinfo(const std::string& text, const std::string& name);

/// The names of the capabilities in a mask of /proc/self/status, `cap_sys_admin`; those that libcap does not know yet as
/// their number. capabilities(7).
[[nodiscard]] std::vector<std::string> capability_names(std::uint64_t mask);

}  // namespace cginit
