#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "kernel/support/test_cgroups.hpp"

namespace cginit {

/// What the engine shows at /sys/fs/cgroup.
enum class EngineView {
    docker_v1,       ///< a tmpfs, per v1 hierarchy a read-only bind of the own cgroup
    docker_hybrid,   ///< the same with `unified`
    docker_v2,       ///< cgroupns=host: the whole cgroup2 tree, read-only; private: the own cgroup
    whole_tree,      ///< -v /sys/fs/cgroup:/sys/fs/cgroup
    podman_stacked,  ///< docker_v1 with the host's root of name=systemd on top, its release_agent covered
    root_stacked,    ///< docker_v2 with the own cgroup mounted once more on top
};

/// A container to be made by hand, as an engine would.
struct ContainerSpec {
    std::string name;
    EngineView view = EngineView::docker_v1;
    bool private_cgroup_namespace = false;
    bool secret_below_run = false;     ///< /run/secrets/token, bound
    bool elsewhere_read_only = false;  ///< the whole cgroup2 tree at /cginit-host/cgroup
    bool elsewhere_writable = false;
    /// Files of the machine to be copied into it: from, to.
    std::vector<std::pair<std::string, std::string>> copies = {};
    /// The engine left it at the root of cgroup2, as on hosts where it uses v1 alone.
    bool v2_at_host_root = false;
    /// What Docker binds over /etc/hostname names it (64 hexadecimal digits).
    std::string id = {};
    bool privileged =
        false;              ///< a writable /sys, and a /dev with terminals of the machine; a /tmp with a mount below it
    bool host_dev = false;  ///< -v /dev:/dev
    bool shared_tree = false;       ///< every mount has peers, as an earlier run leaves them
    bool keep_propagation = false;  ///< the machine's cgroup mounts keep their peers (rshared)
};

/// Forks, runs `body` there, and returns the exit status: 0, or 1 if an EXPECT failed in it. What it does to its
/// namespaces ends with it. All its children are killed with it.
[[nodiscard]] int run_in_child(const std::function<void()>& body);

/// Gives the calling process a mount namespace of its own whose mounts have no peers outside.
void enter_private_mounts();

/// run_in_child() with a mount namespace of its own whose mounts have no peers outside.
[[nodiscard]] int run_in_private_mounts(const std::function<void()>& body);

/// The same in two parts.
[[nodiscard]] pid_t start_child(const std::function<void()>& body);
[[nodiscard]] int status_of(pid_t child);

/// Builds the container's root and view in the calling process, which must be in a mount namespace of its own.
void prepare_container(const ContainerSpec& spec, const TestCgroups& cgroups);

/// Detaches it again: what is a mount point cannot be removed.
void discard_container();

/// Starts a container on what prepare_container() built, as many as wanted, in namespaces that are its own: what it does
/// to its mounts ends with it. `body` is its PID 1, of which the caller gets the pid and has to wait for it.
[[nodiscard]] pid_t start_container(const ContainerSpec& spec, const TestCgroups& cgroups,
                                    const std::function<void()>& body);

/// Makes the container in the calling process, which must be in a mount namespace of its own: mount, pid and (if
/// wanted) cgroup namespace, the cgroups, a small root file system on a tmpfs; runs `body` as its PID 1 and returns
/// the exit status.
[[nodiscard]] int run_container(const ContainerSpec& spec, const TestCgroups& cgroups,
                                const std::function<void()>& body);

/// The same from the machine's namespaces.
[[nodiscard]] int run_private_container(const ContainerSpec& spec, const TestCgroups& cgroups,
                                        const std::function<void()>& body);

/// A process that does nothing beside the caller, in the same cgroups; ends with the container. Returns its pid.
int start_bystander();

/// CGINIT_MUST_RUN=1: what would be skipped has to run.
[[nodiscard]] bool must_run();

/// Skips the test if the machine lacks something for the kernel tests; fails it if it must run.
#define CGINIT_NEEDS_KERNEL()                                             \
    do {                                                                  \
        const std::string missing = ::cginit::missing_for_kernel_tests(); \
        if (!missing.empty() && ::cginit::must_run()) {                   \
            FAIL() << "needs " << missing;                                \
        } else if (!missing.empty()) {                                    \
            GTEST_SKIP() << "needs " << missing;                          \
        }                                                                 \
    } while (false)

}  // namespace cginit
