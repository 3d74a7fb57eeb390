#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cginit {

/// Joins two paths with exactly one slash between them: ("/a", "/b") is "/a/b", ("/a", "/") and ("/a", "") are "/a",
/// ("/", "b") is "/b". std::filesystem's operator/ would drop the left side of an absolute right one.
[[nodiscard]] std::string join_path(std::string_view base, std::string_view tail);
/// True if `path` is `base` or lies below it; "/ab" is not below "/a".
[[nodiscard]] bool is_at_or_below(std::string_view path, std::string_view base);
/// The part of `path` below `base` ("/c" for "/a/b/c" below "/a/b", "" for itself); empty optional if it is not below.
[[nodiscard]] std::optional<std::string> path_below(std::string_view path, std::string_view base);
/// True for an absolute path as the kernel writes it: "/", "/a/b", but not "//a", "/a/", "/a/./b".
[[nodiscard]] bool is_plain_path(std::string_view path);
/// "/a" for "/a/b", "/" for "/a" and "/".
[[nodiscard]] std::string parent_path(std::string_view path);
/// "b" for "/a/b", "" for "/".
[[nodiscard]] std::string base_name(std::string_view path);
/// "/proc/PID", proc(5).
[[nodiscard]] std::string process_directory(int pid);

}  // namespace cginit
