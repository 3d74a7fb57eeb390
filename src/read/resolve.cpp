#include "read/source.hpp"

#include <cerrno>
#include <optional>
#include <vector>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {

namespace {

constexpr int kMaxLinks = 40;

/// Puts the components of `path` before those that are left to walk; the next one is at the back.
void push_components(std::vector<std::string>& pending, const std::string& path) {
    std::vector<std::string> components = split(path, '/');
    pending.insert(pending.end(), components.rbegin(), components.rend());
}

}  // namespace

Result<std::string> resolve_path(const Source& source, const std::string& path) {
    const auto failed = [&](int errnum) { return make_errno_error(errnum, concat({"resolve ", path})); };
    std::vector<std::string> pending;
    push_components(pending, path);
    std::string walked = "/";
    int links = 0;
    while (!pending.empty()) {
        const std::string component = pending.back();
        pending.pop_back();
        if (component.empty() || component == ".") {
            continue;
        }
        if (component == "..") {
            walked = parent_path(walked);
            continue;
        }
        const std::string next = join_path(walked, component);
        const FileType type = source.type(next);
        if (type == FileType::absent || type == FileType::unknown) {
            return failed(type == FileType::absent ? ENOENT : EACCES);
        }
        if (type == FileType::symlink) {
            const std::optional<std::string> target = source.read_link_if_exists(next);
            if (!target || target->empty()) {
                return failed(ENOENT);
            }
            if (++links > kMaxLinks) {
                return failed(ELOOP);
            }
            if (target->front() == '/') {
                walked = "/";
            }
            push_components(pending, *target);
            continue;
        }
        // A trailing slash counts: "/sbin/init/" is no file.
        if (type != FileType::directory && !pending.empty()) {
            return failed(ENOTDIR);
        }
        walked = next;
    }
    return walked;
}

}  // namespace cginit
