#include "kernel/support/contract.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "core/path.hpp"
#include "core/text.hpp"
#include "core/unique_fd.hpp"
#include "read/proc_files.hpp"
#include "unit/normalized_table.hpp"

namespace cginit {
namespace {

/// Of the machine's own user namespace.
constexpr const char* kWholeMap = "         0          0 4294967295\n";

bool has(const std::vector<std::string>& list, const std::string& text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

/// The own path in the hierarchy that the mount belongs to; empty if /proc/self/cgroup has no such line.
std::string own_path(const std::vector<CgroupEntry>& cgroups, const MountEntry& mount) {
    const std::vector<std::string> options = split(mount.super_options, ',');
    for (const CgroupEntry& cgroup : cgroups) {
        const bool v2 = cgroup.controllers.empty();
        const bool all = std::all_of(cgroup.controllers.begin(), cgroup.controllers.end(),
                                     [&options](const std::string& name) { return has(options, name); });
        if (v2 == (mount.fstype == "cgroup2") && all) {
            return cgroup.path;
        }
    }
    return {};
}

std::vector<std::string> processes_of(const std::string& directory) {
    const std::string file = join_path(directory, "cgroup.procs");
    return std::filesystem::exists(file) ? split(read_text(file), '\n') : std::vector<std::string>();
}

void check_writable(const MountEntry& mount, const std::string& directory, const std::vector<std::string>& read_only,
                    std::vector<std::string>& breaches) {
    const std::string child = join_path(directory, "contract");
    const int made = ::mkdir(child.c_str(), 0755) == 0 ? 0 : errno;
    if (made == 0) {
        ::rmdir(child.c_str());
    }
    const std::vector<std::string> options = split(mount.super_options, ',');
    const bool writable = std::none_of(options.begin(), options.end(),
                                       [&read_only](const std::string& name) { return has(read_only, name); });
    if (made != (writable ? 0 : EROFS)) {
        breaches.push_back(
            concat({directory, writable ? " is not writable: " : " is not read-only: ", errno_text(made)}));
    }
}

/// True if what the engine mounted there is covered by a mount of cginit's, in a user namespace that lets nobody uncover it.
bool is_sealed(const MountTable& table, const MountEntry& mount, std::vector<std::string>& breaches) {
    const MountEntry* cover = mount_holding(table, mount.point);
    const bool covered =
        cover != nullptr && cover->id != mount.id && is_cginits(*cover) && read_text("/proc/self/uid_map") != kWholeMap;
    if (covered && (::umount2(cover->point.c_str(), MNT_DETACH) == 0 || errno != EINVAL)) {
        breaches.push_back(concat({cover->point, " could be taken away from ", mount.point}));
    }
    return covered;
}

/// The process has no terminal of its own, which /dev/tty says in its own words.
void check_devices(std::vector<std::string>& unmet) {
    for (const char* device : {"/dev/null", "/dev/zero", "/dev/tty", "/dev/ptmx", "/dev/console"}) {
        const UniqueFd fd(::open(device, O_RDWR | O_NOCTTY | O_CLOEXEC));
        const bool no_terminal = !fd.valid() && errno == ENXIO && std::string(device) == "/dev/tty";
        const bool missing = !fd.valid() && errno == ENOENT && std::string(device) == "/dev/ptmx";
        if (!fd.valid() && !no_terminal && !missing) {
            unmet.push_back(concat({"open ", device, ": ", errno_text(errno)}));
        }
    }
}

}  // namespace

std::vector<std::string> breaches_of_contract(const ExpectedView& expected) {
    std::vector<std::string> breaches;
    const MountTable table = parse_mountinfo(read_text("/proc/self/mountinfo"), "mountinfo").value();
    const auto cgroups = parse_proc_cgroup(read_text("/proc/self/cgroup"), "cgroup").value();
    std::size_t visible = 0;
    for (const MountEntry& mount : table) {
        if (!is_cgroup(mount) || has(expected.kept, mount.point) || is_sealed(table, mount, breaches)) {
            continue;
        }
        std::string own = own_path(cgroups, mount);
        const std::string leaf = expected.leaf && mount.fstype == "cgroup2" ? "/init.scope" : "";
        if (!own.ends_with(leaf)) {
            breaches.push_back(concat({"the init is in ", own, " and not in a leaf"}));
        } else if (!leaf.empty()) {
            own = parent_path(own);
        }
        const std::string where = concat({mount.point, " (root ", mount.root, ", own path ", own, ")"});
        if (own.empty() || !is_at_or_below(mount.root, own)) {
            breaches.push_back(concat({where, " shows more than the own cgroup"}));
        }
        if (!is_at_or_below(mount.point, "/sys/fs/cgroup") || !is_reachable(table, mount)) {
            breaches.push_back(concat({where, " is not part of the view"}));
        }
        // Below another mount of the same hierarchy: the literal path, bound.
        const MountEntry* parent = mount_with_id(table, mount.parent);
        const bool literal = parent != nullptr && is_cgroup(*parent) && parent->super_options == mount.super_options;
        const std::string directory = literal ? mount.point : join_path(mount.point, own);
        if (!leaf.empty() && !processes_of(directory).empty()) {
            breaches.push_back(concat({directory, " was to be left to its children"}));
        }
        if (!has(processes_of(directory + leaf), std::to_string(::getpid()))) {
            breaches.push_back(concat({directory, " does not hold the init"}));
        }
        check_writable(mount, directory, expected.read_only, breaches);
        ++visible;
    }
    if (visible == 0) {
        breaches.emplace_back("no cgroup mount is left");
    }
    return breaches;
}

std::vector<std::string> unmet_expectations(const std::vector<std::string>& tmpfs) {
    std::vector<std::string> unmet;
    const MountTable table = parse_mountinfo(read_text("/proc/self/mountinfo"), "mountinfo").value();
    for (const MountEntry& mount : table) {
        if (mount.propagation.shared == 0) {
            unmet.push_back(concat({mount.point, " is not shared"}));
        }
    }
    for (const std::string& point : tmpfs) {
        const MountEntry* mount = visible_mount_at(table, point);
        if (mount == nullptr || mount->fstype != "tmpfs" || !std::filesystem::is_directory(point)) {
            unmet.push_back(concat({point, " is no tmpfs"}));
        }
    }
    const MountEntry* sys = visible_mount_at(table, "/sys");
    if (sys == nullptr || !sys->flags.read_only) {
        unmet.emplace_back("/sys is writable");
    }
    for (const char* tty : {"/dev/tty0", "/dev/tty1", "/dev/tty63"}) {
        if (std::filesystem::exists(std::filesystem::symlink_status(tty))) {
            unmet.push_back(concat({tty, " is there"}));
        }
    }
    check_devices(unmet);
    return unmet;
}

std::vector<std::string> container_facts(const TestCgroups& cgroups, const std::string& process) {
    const MountTable table = parse_mountinfo(read_text(join_path(process, "mountinfo")), "mountinfo").value();
    std::vector<std::string> facts = normalized(table);
    for (const std::string& line : cgroups.tree()) {
        facts.push_back(line);
    }
    // Hierarchies that the container has no cgroup in may come and go beside the test.
    for (const std::string& line : split(read_text(join_path(process, "cgroup")), '\n')) {
        const bool ours = std::any_of(cgroups.hierarchies().begin(), cgroups.hierarchies().end(),
                                      [&line](const HostHierarchy& hierarchy) {
                                          return line.find(concat({":", hierarchy.name, ":"})) != std::string::npos ||
                                                 line.find(concat({"=", hierarchy.name, ":"})) != std::string::npos ||
                                                 (hierarchy.v2 && line.starts_with("0::"));
                                      });
        if (ours) {
            facts.push_back(line);
        }
    }
    facts.push_back(std::filesystem::read_symlink(join_path(process, "ns/cgroup")).string());
    return facts;
}

}  // namespace cginit
