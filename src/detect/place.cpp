#include "detect/detect.hpp"

#include <algorithm>
#include <vector>

#include "core/text.hpp"

namespace cginit {
namespace {

bool is_mount(const Snapshot& snapshot, const char* point) {
    return visible_mount_at(snapshot.mounts, point) != nullptr;
}

/// The agent's parent cgroup, `/ecs/TASK/CONTAINER`; with the systemd driver `/ecstasks.slice/ecstasks-TASK.slice/...`.
bool is_ecs(const Snapshot& snapshot) {
    return std::any_of(snapshot.cgroups.begin(), snapshot.cgroups.end(), [](const CgroupEntry& cgroup) {
        return cgroup.path.starts_with("/ecs/") || cgroup.path.starts_with("/ecstasks.slice/");
    });
}

/// What Nomad gives each task: https://developer.hashicorp.com/nomad/docs/reference/runtime-environment-settings
bool is_nomad(const Snapshot& snapshot) {
    return is_mount(snapshot, "/alloc") && is_mount(snapshot, "/local") && is_mount(snapshot, "/secrets");
}

/// A job's container: the runner's work, externals and tools (actions/runner, src/Runner.Worker/Container/ContainerInfo.cs).
bool is_github_actions(const Snapshot& snapshot) { return is_mount(snapshot, "/__w") && is_mount(snapshot, "/__e"); }

/// `/var/lib/nerdctl/1935db59/containers/default/ID/hostname`
bool is_nerdctl(const Snapshot& snapshot) {
    return std::any_of(snapshot.mounts.begin(), snapshot.mounts.end(), [](const MountEntry& mount) {
        return mount.root.find("/nerdctl/") != std::string::npos &&
               (mount.point == "/etc/hosts" || mount.point == "/etc/hostname" || mount.point == "/etc/resolv.conf");
    });
}

struct Row {
    Place place;
    bool (*is)(const Snapshot& snapshot);
    const char* evidence;
};

/// What stands above an engine, or is one that the engines' own files do not tell.
constexpr Row kOrchestrators[] = {
    {Place::ecs, is_ecs, "the cgroup of its agent"},
    {Place::nomad, is_nomad, "mounts at /alloc, /local and /secrets"},
    {Place::github_actions, is_github_actions, "mounts at /__w and /__e"},
    {Place::nerdctl, is_nerdctl, "its files in /etc"},
};

PlaceFacts place_of(Engine engine) {
    constexpr const char* kSigns = "its cgroup or its files";
    switch (engine) {
        case Engine::docker: return {Place::docker, kSigns};
        case Engine::podman: return {Place::podman, kSigns};
        case Engine::kubernetes: return {Place::kubernetes, kSigns};
        case Engine::lxc: return {Place::lxc, kSigns};
        case Engine::oci: break;
    }
    return {};
}

}  // namespace

PlaceFacts detect_place(const Snapshot& snapshot, Engine engine) {
    std::vector<PlaceFacts> found;
    for (const Row& row : kOrchestrators) {
        if (row.is(snapshot)) {
            found.push_back({row.place, row.evidence});
        }
    }
    // Podman in a job, LXC in a task: the inner one is who was told how to run the container.
    const bool inner = engine == Engine::podman || engine == Engine::kubernetes || engine == Engine::lxc;
    if (found.empty() || inner) {
        return place_of(engine);
    }
    return found.size() == 1 ? found.front() : PlaceFacts{};
}

}  // namespace cginit
