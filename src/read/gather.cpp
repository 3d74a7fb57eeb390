#include "read/gather.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "cginit/capture_facts.hpp"
#include "cginit/options.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"
#include "read/proc_files.hpp"

namespace cginit {
namespace {

constexpr const char* kMountinfo = "/proc/self/mountinfo";
constexpr const char* kCgroup = "/proc/self/cgroup";
constexpr const char* kStatus = "/proc/self/status";
/// Another pid namespace's /proc has no `self`.
Hint hint_without(const Source& source) {
    return {ErrorCode::no_proc,
            source.exists("/proc/1") && !source.exists("/proc/self")
                ? "the proc file system at /proc is another PID namespace's"
                : "cginit needs a proc file system at /proc",
            {CureId::own_proc}};
}

template <class T, class Parser>
Result<T> read_and_parse(const Source& source, const char* path, Parser parse) {
    const Result<std::string> text = path == kMountinfo ? source.read_settled(path) : source.read(path);
    if (!text) {
        const bool missing = text.error().errnum == ENOENT || text.error().errnum == ENOTDIR;
        return missing ? text.error().with_hint(hint_without(source)) : text.error();
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
                          {CureId::own_proc});
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

/// cgroup.events is there since cgroup2 is (Linux 4.5), cgroup.type since Linux 4.14, in every cgroup but the root. Older
/// captures have the second one at the most, whose absence says nothing on a kernel that did not know it.
Tri read_parent_files(const Source& source, const std::string& path, bool knows_type) {
    const Tri events = presence(source, join_path(path, "cgroup.events"));
    const Tri type = events == Tri::yes ? Tri::yes : presence(source, join_path(path, "cgroup.type"));
    return type == Tri::no && !source.is_live() && !knows_type ? Tri::unknown : type;
}

/// Whether a process that is not in this PID namespace is in the cgroup: it reads as 0. What an engine brings in by exec is one
/// for as long as it takes to set it up; so it is waited for a moment without.
Tri read_outsiders(const Source& source, const std::string& path) {
    constexpr int kTries = 200;
    constexpr unsigned kRereadMicroseconds = 5000;
    constexpr std::size_t kMost = 64U << 10U;
    for (int i = 0; i < kTries; ++i) {
        const Result<std::string> text = source.read_head(join_path(path, "cgroup.procs"), kMost);
        if (!text || text->size() == kMost) {
            return Tri::unknown;  // A threaded cgroup does not tell.
        }
        if (!text->starts_with("0\n") && text->find("\n0\n") == std::string::npos) {
            return Tri::no;
        }
        ::usleep(kRereadMicroseconds);
    }
    return Tri::yes;
}

/// Without a limit the file reads 9223372036854771712, the largest number of whole pages.
Tri read_tcp_limit(const Source& source, const std::string& path) {
    constexpr std::uint64_t kUnlimited = 1ULL << 62U;
    const auto text = source.read_if_exists(join_path(path, "memory.kmem.tcp.limit_in_bytes"));
    const auto limit = text && *text ? parse_number(trim(**text)) : std::nullopt;
    return !limit ? Tri::unknown : (*limit < kUnlimited ? Tri::yes : Tri::no);
}

/// A capture holds a cgroup directory only in part; one without cgroup.procs was not captured at all.
CgroupDirectory read_directory(const Source& source, const std::string& path, bool v2, bool memory, bool knows_type) {
    CgroupDirectory directory;
    if (!source.exists(join_path(path, "cgroup.procs"))) {
        return directory;
    }
    if (v2) {
        directory.has_parent_files = read_parent_files(source, path, knows_type);
        return directory;
    }
    directory.has_release_agent = presence(source, join_path(path, "release_agent"));
    if (memory) {
        const auto text = source.read_if_exists(join_path(path, "memory.use_hierarchy"));
        if (text && *text) {
            directory.memory_hierarchical = trim(**text) == "1" ? Tri::yes : Tri::no;
        }
        directory.tcp_memory_limited = read_tcp_limit(source, path);
    }
    return directory;
}

/// What an owner hands over is in /sys/kernel/cgroup/delegate, and what limits the cgroup is not: some of what every kernel
/// has, and what engines set.
Tri read_delegation(const Source& source, const std::string& path) {
    for (const char* name : {"", "cgroup.procs", "cgroup.subtree_control"}) {
        if (source.refuses_writing(join_path(path, name))) {
            return Tri::no;
        }
    }
    for (const char* name : {"cgroup.max.depth", "cgroup.max.descendants", "memory.max", "memory.high", "pids.max",
                             "cpu.max", "cpu.weight", "io.max", "cpuset.cpus"}) {
        const std::string file = join_path(path, name);
        if (source.exists(file) && !(source.refuses_writing(file) && source.is_of_unmapped_user(file))) {
            return Tri::no;
        }
    }
    return Tri::yes;
}

/// Of a user whom the user namespace does not map, or of another that it does: then root has no capability over it.
Tri read_ownership(const Source& source, const std::string& path) {
    for (const char* name : {"", "cgroup.procs"}) {
        const std::string file = join_path(path, name);
        if (source.is_of_another_user(file) && source.refuses_writing(file)) {
            return Tri::no;
        }
    }
    return Tri::yes;
}

Tri known_of(const std::map<std::string, Tri>& facts, const std::string& point) {
    const auto known = facts.find(point);
    return known == facts.end() ? Tri::unknown : known->second;
}

std::map<std::string, CgroupDirectory> read_directories(const Source& source, const Snapshot& snapshot,
                                                        const std::optional<CaptureFacts>& facts) {
    constexpr std::uint64_t kMajor = 4;
    constexpr std::uint64_t kMinor = 14;
    const bool knows_type = !snapshot.kernel_release || is_at_least(snapshot.kernel_release, kMajor, kMinor);
    std::map<std::string, CgroupDirectory> directories;
    for (const OwnDirectory& own : own_directories(snapshot)) {
        const std::vector<std::string>& names = own.cgroup->controllers;
        const bool memory = std::find(names.begin(), names.end(), "memory") != names.end();
        CgroupDirectory& directory = directories[own.point];
        directory = read_directory(source, own.path, names.empty(), memory, knows_type);
        directory.owned = source.is_live() ? read_ownership(source, own.path)
                                           : known_of(facts.value_or(CaptureFacts{}).owned, own.point);
        if (names.empty() && directory.has_parent_files == Tri::yes) {
            directory.delegated = source.is_live() ? read_delegation(source, own.path)
                                                   : known_of(facts.value_or(CaptureFacts{}).delegated, own.point);
            directory.outsiders = source.is_live() ? read_outsiders(source, own.path)
                                                   : known_of(facts.value_or(CaptureFacts{}).outsiders, own.point);
        }
    }
    return directories;
}

/// What `--capture` wrote down of what is no file; older captures and those made by hand do without.
Result<std::optional<CaptureFacts>> read_facts(const Source& source) {
    if (source.is_live()) {
        return std::optional<CaptureFacts>();
    }
    const auto text = source.read_if_exists(kCaptureFacts);
    if (!text || !*text) {
        return text ? Result<std::optional<CaptureFacts>>(std::nullopt) : text.error();
    }
    Result<CaptureFacts> facts = parse_capture_facts(**text, kCaptureFacts);
    return facts ? Result<std::optional<CaptureFacts>>(std::move(*facts)) : facts.error();
}

PlaceType place_type(FileType type) {
    switch (type) {
        case FileType::absent: return PlaceType::absent;
        case FileType::directory: return PlaceType::directory;
        case FileType::symlink: return PlaceType::symlink;
        default: return PlaceType::other;
    }
}

/// In a capture what was not captured is not there, which says nothing, unless it says what was there.
PlaceType read_place(const Source& source, const std::optional<CaptureFacts>& facts, const char* path) {
    if (facts) {
        const auto place = facts->places.find(path);
        return place == facts->places.end() ? PlaceType::unknown : place->second;
    }
    const FileType type = source.type(path);
    if (type == FileType::absent && !source.is_live()) {
        return PlaceType::unknown;
    }
    for (std::string above = parent_path(path); above.size() > 1; above = parent_path(above)) {
        if (source.type(above) == FileType::symlink) {
            return PlaceType::symlink;
        }
    }
    const bool is_empty = std::string_view(path) == kJournal && type == FileType::directory && source.is_empty(path);
    return is_empty ? PlaceType::empty : place_type(type);
}

/// `tty7`; not `tty`, the own terminal, nor `ttyS0` or `tty64`.
bool is_host_tty(const std::string& name) {
    constexpr std::uint64_t kCount = 64;
    const std::uint64_t number = name.starts_with("tty") ? parse_number(name.substr(3)).value_or(kCount) : kCount;
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

/// `/sys/fs/cgroup (deleted)`: d_path() of fs/d_path.c says so of a directory that has gone.
void read_held_directories(const Source& source, const std::optional<CaptureFacts>& facts, Snapshot& snapshot) {
    snapshot.working_directory.path = source.read_link_if_exists("/proc/self/cwd").value_or("");
    snapshot.working_directory.mount = facts ? facts->working_directory_mount : source.mount_of_working_directory();
    snapshot.root_mount = facts ? facts->root_mount : source.mount_of_root();
    snapshot.container_variable = facts ? facts->container_variable : source.container_variable();
    snapshot.descriptors = facts ? facts->descriptors : source.inherited_descriptors();
}

/// The host's first mount namespace got its number during boot, before any other: 0xF0000000 or the next, PROC_DYNAMIC_FIRST
/// in fs/proc/generic.c; since Linux 6.18 a fixed one, MNT_NS_INIT_INO. With the first PID namespace its PID 1 is the host's.
bool has_initial_mounts(const Snapshot& snapshot) {
    constexpr std::array<std::uint64_t, 3> kInitialMounts = {4026531832, 4026531840, 4026531841};
    const auto pids = snapshot.namespaces.find("pid");
    const auto mounts = snapshot.namespaces.find("mnt");
    return pids != snapshot.namespaces.end() && pids->second == kInitialPidNamespace &&
           mounts != snapshot.namespaces.end() &&
           std::find(kInitialMounts.begin(), kInitialMounts.end(), mounts->second) != kInitialMounts.end();
}

/// Whose mount namespace this is. PID 1 was there first, and what came after it is its own or entered later.
void read_company(const Source& source, const std::optional<CaptureFacts>& facts, Snapshot& snapshot) {
    const auto own = snapshot.namespaces.find("mnt");
    const auto first = source.read_link_if_exists("/proc/1/ns/mnt");
    const auto id = first ? parse_namespace_link(*first) : std::nullopt;
    if (facts && facts->pid1_mounts != Tri::unknown) {
        snapshot.pid1_mounts = facts->pid1_mounts;
    } else if (own != snapshot.namespaces.end() && id) {
        snapshot.pid1_mounts = own->second == *id ? Tri::yes : Tri::no;
    } else if (source.is_live()) {
        snapshot.pid1_mounts = pid1_has_own_mounts(source, snapshot.mounts);
    }
    if (snapshot.pid1_mounts == Tri::unknown && has_initial_mounts(snapshot)) {
        snapshot.pid1_mounts = Tri::yes;
    }
    if (facts) {
        snapshot.neighbours = facts->neighbours;
        snapshot.neighbour = facts->neighbour;
    } else if (source.is_live() && snapshot.pid.value_or(1) != 1) {
        const NeighbourFacts found = find_neighbours(source, snapshot, *snapshot.pid);
        snapshot.neighbours = found.neighbours;
        snapshot.neighbour = found.neighbour;
    }
}

/// What cginit can do without.
void read_the_rest(const Source& source, const std::optional<CaptureFacts>& facts, Snapshot& snapshot) {
    snapshot.uid_map = read_text(source, "/proc/self/uid_map");
    snapshot.gid_map = read_text(source, "/proc/self/gid_map");
    snapshot.security_label = read_text(source, "/proc/self/attr/current");
    snapshot.namespaces = read_namespaces(source);
    snapshot.filesystems = parse_filesystems(read_text(source, "/proc/filesystems"));
    const std::string controllers = read_text(source, "/proc/cgroups");
    if (!controllers.empty()) {
        snapshot.controllers = parse_enabled_controllers(controllers);
    }
    const std::string release = read_text(source, "/proc/sys/kernel/osrelease");
    if (!release.empty()) {
        snapshot.kernel_release = release;
    }
    snapshot.max_user_namespaces = parse_number(read_text(source, "/proc/sys/user/max_user_namespaces"));
    if (const std::string restricts = read_text(source, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
        !restricts.empty()) {
        snapshot.restricts_user_namespaces = restricts == "0" ? Tri::no : Tri::yes;
    }
    if (facts) {
        snapshot.owns_cgroup_namespace = facts->owns_cgroup_namespace;
        snapshot.user_namespaces = facts->user_namespaces;
        snapshot.tried = facts->tried;
    }
    for (const char* point : kTmpfsPoints) {
        snapshot.places[point] = read_place(source, facts, point);
    }
    snapshot.host_ttys = read_host_ttys(source);
    read_held_directories(source, facts, snapshot);
}

}  // namespace

Result<Snapshot> gather(const Source& source, std::optional<int> pid, const std::optional<InitTraits>& init) {
    // All is read before any of it is refused: what a capture notes on the way is then whole.
    Result<MountTable> mounts = read_mounts(source);
    // A kernel without cgroups, or gVisor, has no such file beside the others, and no such mounts.
    const bool has_no_cgroups = mounts && std::none_of(mounts->begin(), mounts->end(), is_cgroup) &&
                                source.exists(kStatus) && !source.exists(kCgroup);
    auto cgroups = has_no_cgroups ? Result<std::vector<CgroupEntry>>(std::vector<CgroupEntry>())
                                  : read_and_parse<std::vector<CgroupEntry>>(source, kCgroup, parse_proc_cgroup);
    const auto status = read_and_parse<ProcessStatus>(source, kStatus, parse_status);
    const auto facts = read_facts(source);
    const std::optional<CaptureFacts> known = facts ? *facts : std::nullopt;
    Snapshot snapshot;
    read_the_rest(source, known, snapshot);
    if (!mounts) {
        return mounts.error();
    }
    if (!cgroups) {
        return cgroups.error();
    }
    if (!status) {
        return status.error();
    }
    if (!facts) {
        return facts.error();
    }
    snapshot.mounts = std::move(*mounts);
    // Where nothing of the cgroups is within reach there, it is for cginit to mount them.
    if (std::none_of(snapshot.mounts.begin(), snapshot.mounts.end(), [&snapshot](const MountEntry& mount) {
            return is_cgroup(mount) && is_at_or_below(mount.point, kCgroupRoot) && is_reachable(snapshot.mounts, mount);
        })) {
        snapshot.places[kCgroupRoot] = read_place(source, known, kCgroupRoot);
    }
    snapshot.cgroups = std::move(*cgroups);
    snapshot.status = *status;
    snapshot.directories = read_directories(source, snapshot, known);
    snapshot.pid = pid || !known ? pid : known->pid;
    read_company(source, known, snapshot);
    snapshot.init = init ? *init : (known ? known->init : std::nullopt).value_or(InitTraits{});
    return snapshot;
}

}  // namespace cginit
