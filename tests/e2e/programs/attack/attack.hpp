// What root in a container can try against the limits of its engine. Every try runs in a child of its own, so that what it
// does to namespaces and mounts is gone with it; only what it does to cgroups stays, and that is what the caller looks at.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attack {

/// What a try got hold of. The caller knows which of these a container's capabilities allow, and which never.
namespace kind {
inline constexpr const char* kEngine = "engine";    ///< the engine's own cgroup, where its limits are
inline constexpr const char* kFlat = "flat";        ///< the same of a controller whose limits do not hold for children
inline constexpr const char* kHost = "host";        ///< the host's root of a hierarchy
inline constexpr const char* kOutside = "outside";  ///< another cgroup that the own mounts do not show
inline constexpr const char* kNamespace = "namespace";  ///< the initial cgroup namespace, so the host's hierarchies
inline constexpr const char* kMounts = "mounts";        ///< a mount namespace from outside the container
inline constexpr const char* kProcess = "process";      ///< a process that sits above the own cgroup, or outside
inline constexpr const char* kDevice = "device";        ///< a device that the engine denies
inline constexpr const char* kSysctl = "sysctl";        ///< a setting of the host's kernel that runs programs
inline constexpr const char* kMark = "mark";            ///< an extended attribute of a cgroup that is not the own
inline constexpr const char* kProgram = "program";      ///< a BPF program at a cgroup that is not the own
}  // namespace kind

/// Collects what became of the parts of one try.
class Report {
public:
    void refused(const std::string& what, int error);
    /// It worked, and led nowhere.
    void harmless(const std::string& what);
    void reached(const char* kind, const std::string& what);
    /// For the caller to read.
    void note(const std::string& what);
    /// errno decides; `done` says whether the call worked.
    void judge(bool done, const std::string& what);

    /// Runs a part of the try that cannot be taken back, in a child, and takes over what it collected.
    void apart(const std::function<void(Report&)>& part);

    /// RESULT TAB DETAIL; RESULT is reached:KIND,KIND or harmless or refused or absent.
    [[nodiscard]] std::string line() const;

private:
    std::map<std::string, int> refusals_;
    std::vector<std::string> harmless_;
    std::set<std::string> kinds_;
    std::vector<std::string> details_;
};

struct Attack {
    const char* name;
    void (*run)(Report&);
};

std::vector<Attack> write_attacks();
std::vector<Attack> held_attacks();
std::vector<Attack> tree_attacks();
std::vector<Attack> mount_attacks();
std::vector<Attack> namespace_attacks();
std::vector<Attack> kernel_attacks();
std::vector<Attack> bites();

/// May the program touch what belongs to the whole machine? Only where that is a virtual one.
bool reckless();
void set_reckless();

struct Mount {
    std::string root, point, type, options;
    bool read_only;
};

std::string read_file(const std::string& path);
/// The cgroup mounts of a process's mount table, covered ones too.
std::vector<Mount> cgroup_mounts(const std::string& process = "self");
/// What /proc/self/cgroup names: "cpu,cpuacct", "name=systemd", "" for v2.
std::vector<std::string> hierarchies();
bool is_flat(const std::string& hierarchy);
/// The numbers in /proc, without this program's own.
std::vector<std::string> other_processes();
unsigned long inode_of(const std::string& path);
/// PROC_CGROUP_INIT_INO of the kernel's proc_ns.h.
inline constexpr unsigned long kInitialCgroupNamespace = 4026531835;
bool in_initial_cgroup_namespace();

enum class Place { no_cgroup, own, flat, engine, outside, host_root };
/// Where the cgroup directory lies that a try got hold of.
Place place_of(int directory);
/// Says where it lies and, if that is the engine's cgroup, tries to raise a limit there.
void judge_directory(Report& report, int directory, const std::string& what);
void judge_path(Report& report, const std::string& path, const std::string& what);
/// Writes a higher value to each limit file; returns the names of those that took one.
std::string raise_limits(int directory);
/// 0 or errno.
int write_at(int directory, const std::string& name, std::string_view value);

/// Mounts a hierarchy afresh and says what its root is.
void mount_and_judge(Report& report, const std::string& hierarchy, const std::string& what);
/// All of /proc/self/cgroup.
void mount_all(Report& report, const std::string& what);
/// A mount namespace of its own, from which nothing comes back. False without CAP_SYS_ADMIN.
bool own_mounts();
/// A new directory that everyone may mount on.
std::string scratch();

/// All directories of a mount, or the first of them.
void walk(const std::string& top, const std::function<void(const std::string&)>& visit);

}  // namespace attack
