#include "detect/detect.hpp"

#include <algorithm>
#include <vector>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

bool is_mount(const Snapshot& snapshot, const char* point) {
    return visible_mount_at(snapshot.mounts, point) != nullptr;
}

/// Fargate names a container after its task: `/ecs/TASK/TASK-1234567890`.
bool is_fargate_path(const std::string& path) {
    const std::string name = base_name(path);
    const std::string task = base_name(parent_path(path));
    return path.starts_with("/ecs/") && task.size() > 1 && name.starts_with(concat({task, "-"}));
}

bool is_fargate(const Snapshot& snapshot) {
    return std::any_of(snapshot.cgroups.begin(), snapshot.cgroups.end(),
                       [](const CgroupEntry& cgroup) { return is_fargate_path(cgroup.path); });
}

/// The agent's parent cgroup, `/ecs/TASK/CONTAINER`; with the systemd driver `/ecstasks.slice/ecstasks-TASK.slice/...`.
bool is_ecs(const Snapshot& snapshot) {
    return std::any_of(snapshot.cgroups.begin(), snapshot.cgroups.end(), [](const CgroupEntry& cgroup) {
        const bool agents = cgroup.path.starts_with("/ecs/") || cgroup.path.starts_with("/ecstasks.slice/");
        return agents && !is_fargate_path(cgroup.path);
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
        return is_engines_file(mount) && contains(mount.root, "/nerdctl/");
    });
}

/// `/systemd/nspawn/propagate/NAME` of the host's /run, systemd-nspawn(1); before version 248 it was below /run/systemd.
bool is_nspawn(const Snapshot& snapshot) {
    return is_mount(snapshot, "/run/host/incoming") || is_mount(snapshot, "/run/systemd/nspawn/incoming");
}

/// `lowerdir=/var/lib/apptainer/mnt/session/overlay-lowerdir:...`, or a root file system from there.
bool is_apptainer(const Snapshot& snapshot) {
    const MountEntry* root = visible_mount_at(snapshot.mounts, "/");
    return root != nullptr && (contains(root->super_options, "apptainer/mnt/session") ||
                               contains(root->super_options, "singularity/mnt/session"));
}

/// `~/.local/share/enroot/NAME`, or $ENROOT_DATA_PATH, which pyxis sets: `/run/enroot/data/user-1000/pyxis_7.0`.
bool is_enroot(const Snapshot& snapshot) {
    const MountEntry* root = visible_mount_at(snapshot.mounts, "/");
    return root != nullptr && contains(root->root, "/enroot/");
}

/// The server of VS Code has a volume there, and the sources are mounted below /workspaces (containers.dev, `workspaceFolder`).
bool is_dev_container(const Snapshot& snapshot) {
    return std::any_of(snapshot.mounts.begin(), snapshot.mounts.end(), [](const MountEntry& mount) {
        return mount.point == "/vscode" || is_at_or_below(mount.point, "/workspaces");
    });
}

/// Where a sign comes from. The mounts are the container's own; the path may be an outer container's.
enum class Sign { mounts, path };

struct PlaceSign {
    Place place;
    Sign sign;
    bool (*is)(const Snapshot& snapshot);
    const char* evidence;
};

/// What stands above an engine, or is one that the engines' own files do not tell.
constexpr PlaceSign kOrchestrators[] = {
    {Place::ecs, Sign::path, is_ecs, "the cgroup of its agent"},
    {Place::fargate, Sign::path, is_fargate, "a cgroup named after its task"},
    {Place::nomad, Sign::mounts, is_nomad, "mounts at /alloc, /local and /secrets"},
    {Place::github_actions, Sign::mounts, is_github_actions, "mounts at /__w and /__e"},
    {Place::nerdctl, Sign::mounts, is_nerdctl, "its files in /etc"},
    {Place::nspawn, Sign::mounts, is_nspawn, "its mount at /run/host/incoming"},
    {Place::apptainer, Sign::mounts, is_apptainer, "the folder of its session"},
    {Place::enroot, Sign::mounts, is_enroot, "the root file system's path on the host"},
    {Place::dev_container, Sign::mounts, is_dev_container, "a mount at /vscode or below /workspaces"},
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
    // Podman or LXC in a task of ECS: the inner one is who was told how to run the container.
    const bool inner = engine == Engine::podman || engine == Engine::kubernetes || engine == Engine::lxc;
    std::vector<PlaceFacts> found;
    for (const PlaceSign& row : kOrchestrators) {
        if (row.is(snapshot) && (row.sign == Sign::mounts || !inner)) {
            found.push_back({row.place, row.evidence});
        }
    }
    if (found.empty() || engine == Engine::kubernetes) {
        const PlaceFacts place = place_of(engine);
        const bool says_nspawn = snapshot.container_variable == "systemd-nspawn";
        return place.place == Place::unknown && says_nspawn ? PlaceFacts{Place::nspawn, "$container"} : place;
    }
    return found.size() == 1 ? found.front() : PlaceFacts{};
}

}  // namespace cginit
