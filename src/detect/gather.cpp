#include "detect/gather.hpp"

#include <algorithm>
#include <cerrno>

#include "cginit/options.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "detect/mount_tree.hpp"
#include "detect/own_directory.hpp"
#include "parse/mountinfo.hpp"
#include "parse/proc_files.hpp"

namespace cginit {
namespace {

constexpr const char* kMountinfo = "/proc/self/mountinfo";
constexpr const char* kCgroup = "/proc/self/cgroup";
constexpr const char* kStatus = "/proc/self/status";
/// Another pid namespace's /proc has no `self`.
Cure cure_without(const Source& source) {
    return {ErrorCode::no_proc,
            source.exists("/proc/1") && !source.exists("/proc/self")
                ? "the proc file system at /proc is another pid namespace's: mount one of this container"
                : "cginit needs a proc file system at /proc"};
}

template <class T, class Parser>
Result<T> read_and_parse(const Source& source, const char* path, Parser parse) {
    const Result<std::string> text = source.read(path);
    if (!text) {
        const bool missing = text.error().errnum == ENOENT || text.error().errnum == ENOTDIR;
        return missing ? text.error().with_cure(cure_without(source)) : text.error();
    }
    return parse(*text, path);
}

Result<MountTable> read_mounts(const Source& source) {
    Result<MountTable> mounts = read_and_parse<MountTable>(source, kMountinfo, parse_mountinfo);
    if (!mounts) {
        return mounts.error();
    }
    if (const auto fault = fault_in_tree(*mounts)) {
        return make_error(ErrorCode::bad_facts,
                          concat({kMountinfo, ":", std::to_string(fault->index + 1), ": ", fault->text}),
                          "mount a proc file system of this container at /proc");
    }
    return mounts;
}

std::map<std::string, std::uint64_t> read_namespaces(const Source& source) {
    std::map<std::string, std::uint64_t> ids;
    for (const char* name : {"cgroup", "mnt", "pid", "user"}) {
        const auto link = source.read_link_if_exists(concat({"/proc/self/ns/", name}));
        const auto id = link ? parse_namespace_link(*link) : std::nullopt;
        if (id) {
            ids[name] = *id;
        }
    }
    return ids;
}

Tri presence(const Source& source, const std::string& path) {
    const FileType type = source.type(path);
    return type == FileType::unknown ? Tri::unknown : (type == FileType::absent ? Tri::no : Tri::yes);
}

/// A capture holds a cgroup directory only in part; one without cgroup.procs was not captured at all.
CgroupDirectory read_directory(const Source& source, const std::string& path, bool v2, bool memory) {
    CgroupDirectory directory;
    if (!source.exists(join_path(path, "cgroup.procs"))) {
        return directory;
    }
    if (v2) {
        directory.has_cgroup_type = presence(source, join_path(path, "cgroup.type"));
        return directory;
    }
    directory.has_release_agent = presence(source, join_path(path, "release_agent"));
    if (memory) {
        const auto text = source.read_if_exists(join_path(path, "memory.use_hierarchy"));
        if (text && *text) {
            directory.memory_hierarchical = trim(**text) == "1" ? Tri::yes : Tri::no;
        }
    }
    return directory;
}

std::map<std::string, CgroupDirectory> read_directories(const Source& source, const Snapshot& snapshot) {
    std::map<std::string, CgroupDirectory> directories;
    for (const CgroupEntry& cgroup : snapshot.cgroups) {
        const bool memory =
            std::find(cgroup.controllers.begin(), cgroup.controllers.end(), "memory") != cgroup.controllers.end();
        for (const MountEntry& mount : snapshot.mounts) {
            if (!is_cgroup(mount) || !carries_controllers(mount, cgroup.controllers)) {
                continue;
            }
            const auto own = own_directory(mount, cgroup.path);
            const MountEntry* visible = own ? visible_mount_at(snapshot.mounts, mount.point) : nullptr;
            if (visible != nullptr && visible->id == mount.id) {
                directories[mount.point] = read_directory(source, *own, cgroup.controllers.empty(), memory);
            }
        }
    }
    return directories;
}

/// In a capture what was not captured is not there, which says nothing.
PlaceType read_place(const Source& source, const char* path) {
    switch (source.type(path)) {
        case FileType::absent: return source.is_live() ? PlaceType::absent : PlaceType::unknown;
        case FileType::directory: return PlaceType::directory;
        case FileType::symlink: return PlaceType::symlink;
        default: return PlaceType::other;
    }
}

/// `tty7`; not `tty`, the own terminal, nor `ttyS0` or `tty64`.
bool is_host_tty(const std::string& name) {
    constexpr unsigned long kCount = 64;
    const unsigned long number = name.starts_with("tty") ? parse_number(name.substr(3)).value_or(kCount) : kCount;
    return number < kCount && name == concat({"tty", std::to_string(number)});
}

/// A symlink is the engine's name for a terminal of the container's own, as LXC has them.
std::optional<std::vector<std::string>> read_host_ttys(const Source& source) {
    std::vector<std::string> names = source.list("/dev");
    if (names.empty()) {
        return std::nullopt;
    }
    std::erase_if(names, [&source](const std::string& name) {
        return !is_host_tty(name) || source.type(join_path("/dev", name)) == FileType::symlink;
    });
    return names;
}

std::string read_text(const Source& source, const char* path) {
    const auto text = source.read_if_exists(path);
    if (!text || !*text) {
        return {};
    }
    // SELinux ends its label in a NUL byte.
    return std::string(trim((*text)->substr(0, (*text)->find('\0'))));
}

}  // namespace

Result<Snapshot> gather(const Source& source, std::optional<int> pid, const InitTraits& init) {
    Snapshot snapshot;
    snapshot.pid = pid;
    snapshot.init = init;
    Result<MountTable> mounts = read_mounts(source);
    if (!mounts) {
        return mounts.error();
    }
    snapshot.mounts = std::move(*mounts);
    auto cgroups = read_and_parse<std::vector<CgroupEntry>>(source, kCgroup, parse_proc_cgroup);
    if (!cgroups) {
        return cgroups.error();
    }
    snapshot.cgroups = std::move(*cgroups);
    const auto status = read_and_parse<ProcessStatus>(source, kStatus, parse_status);
    if (!status) {
        return status.error();
    }
    snapshot.status = *status;
    snapshot.uid_map = read_text(source, "/proc/self/uid_map");
    snapshot.gid_map = read_text(source, "/proc/self/gid_map");
    snapshot.security_label = read_text(source, "/proc/self/attr/current");
    snapshot.namespaces = read_namespaces(source);
    snapshot.filesystems = parse_filesystems(read_text(source, "/proc/filesystems"));
    const std::string release = read_text(source, "/proc/sys/kernel/osrelease");
    if (!release.empty()) {
        snapshot.kernel_release = release;
    }
    snapshot.directories = read_directories(source, snapshot);
    for (const char* point : kTmpfsPoints) {
        snapshot.places[point] = read_place(source, point);
    }
    snapshot.host_ttys = read_host_ttys(source);
    return snapshot;
}

}  // namespace cginit
