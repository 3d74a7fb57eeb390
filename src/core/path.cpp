#include "core/path.hpp"

namespace cginit {

namespace {

std::string_view without_trailing_slashes(std::string_view path) {
    while (!path.empty() && path.back() == '/') {
        path.remove_suffix(1);
    }
    return path;
}

std::string_view without_leading_slashes(std::string_view path) {
    while (!path.empty() && path.front() == '/') {
        path.remove_prefix(1);
    }
    return path;
}

}  // namespace

std::string join_path(std::string_view base, std::string_view tail) {
    base = without_trailing_slashes(base);
    tail = without_leading_slashes(tail);
    if (tail.empty()) {
        return base.empty() ? "/" : std::string(base);
    }
    std::string path;
    path.reserve(base.size() + 1 + tail.size());
    path.append(base).append(1, '/').append(tail);
    return path;
}

bool is_at_or_below(std::string_view path, std::string_view base) {
    base = without_trailing_slashes(base);
    return path.starts_with(base) && (path.size() == base.size() || path[base.size()] == '/');
}

std::optional<std::string> path_below(std::string_view path, std::string_view base) {
    if (!is_at_or_below(path, base)) {
        return std::nullopt;
    }
    return std::string(without_trailing_slashes(path.substr(without_trailing_slashes(base).size())));
}

bool is_plain_path(std::string_view path) {
    const auto has = [path](std::string_view text) { return path.find(text) != std::string_view::npos; };
    return path == "/" ||
           (path.starts_with('/') && !path.ends_with('/') && !path.ends_with("/.") && !has("//") && !has("/./"));
}

std::string parent_path(std::string_view path) {
    path = without_trailing_slashes(path);
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) {
        return "/";
    }
    path = without_trailing_slashes(path.substr(0, slash));
    return path.empty() ? "/" : std::string(path);
}

std::string base_name(std::string_view path) {
    path = without_trailing_slashes(path);
    const std::size_t slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string process_directory(int pid) { return join_path("/proc", std::to_string(pid)); }

}  // namespace cginit
