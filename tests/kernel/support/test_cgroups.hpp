#pragma once

#include <string>
#include <vector>

#include "core/unique_fd.hpp"

namespace cginit {

/// One hierarchy of the machine, as it is mounted in the machine's own mount namespace.
struct HostHierarchy {
    std::string name;   ///< directory below /sys/fs/cgroup: `memory`, `unified`
    std::string point;  ///< `/sys/fs/cgroup/memory`
    bool v2 = false;
    bool cpuset = false;
};

/// The hierarchies that are mounted whole below /sys/fs/cgroup.
[[nodiscard]] std::vector<HostHierarchy> host_hierarchies();

/// Why the kernel tests cannot run here, empty if they can: root, and a machine with v1 hierarchies and cgroup2.
[[nodiscard]] std::string missing_for_kernel_tests();

/// A container's cgroups, made for one test in every hierarchy of the machine and removed after it with all that was
/// made in them: `/cginit-test-PID/container`.
class TestCgroups {
public:
    TestCgroups();
    TestCgroups(const TestCgroups&) = delete;
    TestCgroups& operator=(const TestCgroups&) = delete;
    ~TestCgroups();

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const std::vector<HostHierarchy>& hierarchies() const { return hierarchies_; }
    /// The container's cgroup in one hierarchy, through the machine's mount.
    [[nodiscard]] std::string directory(const HostHierarchy& hierarchy) const { return hierarchy.point + path_; }
    /// Removes what was made in the container's cgroups, turns off what was enabled in them and lifts their limits of
    /// descendants; they themselves stay, since mounts show them. What could not be removed.
    [[nodiscard]] std::vector<std::string> clean();
    /// Moves the calling process into all of them, or all but v2's, in any mount namespace.
    void join(bool v2_too = true) const;
    /// Every cgroup below, with its processes and settings, in any mount namespace: equal before and after if nothing
    /// was changed.
    [[nodiscard]] std::vector<std::string> tree() const;

private:
    std::string top_;
    std::string path_;
    std::vector<HostHierarchy> hierarchies_;
    std::vector<UniqueFd> directories_;  ///< kept open: mounts change
};

/// What of the machine must stay as it is: its mount table, its cgroups and the settings at each hierarchy's root. Left
/// out is what comes and goes beside the test: cgroups with processes, those of other tests (`cginit-test-`), of engines
/// (`docker`, `libpod_parent`) and of anything with 32 hexadecimal digits in its name.
[[nodiscard]] std::vector<std::string> host_facts();

/// Fails for what is other than `before`, if it does not pass within 10 seconds: what others do comes and goes.
void expect_host_untouched(const std::vector<std::string>& before);

/// The whole file; throws std::runtime_error.
[[nodiscard]] std::string read_text(const std::string& path);
/// One write(2); throws std::runtime_error.
void write_text(const std::string& path, const std::string& text);

}  // namespace cginit
