#pragma once

#include <functional>
#include <string>

#include "cginit/decision.hpp"
#include "unit/world_builder.hpp"

namespace cginit {

// What decides in the tests of decide(): Snapshots and options that are changed in one way.

/// The message of the refusal, or "accepted".
inline std::string refusal(const World& world, const Options& options) {
    const Result<Decision> decision = decide(world, options);
    return decision ? "accepted" : decision.error().message();
}

inline Snapshot without_sys_admin(Snapshot snapshot) {
    snapshot.status.effective_capabilities = 0xa80425fb;
    return snapshot;
}

/// The last mount, which is docker_v2()'s cgroup2, made writable by the engine.
inline Snapshot writable(Snapshot snapshot) {
    snapshot.mounts.back().flags.read_only = false;
    return snapshot;
}

inline Snapshot without_cgroup_namespaces(Snapshot snapshot) {
    snapshot.namespaces.erase("cgroup");
    snapshot.kernel_release = "3.10.0-1160.el7.x86_64";
    return snapshot;
}

inline Snapshot with_init(Snapshot snapshot, InitKind kind) {
    snapshot.init = {kind, std::nullopt, ""};
    return snapshot;
}

/// The view as an earlier cginit leaves it.
inline Snapshot own_view(Snapshot snapshot) {
    std::erase_if(snapshot.mounts, [](const MountEntry& mount) { return mount.point == "/sys/fs/cgroup/misc"; });
    for (MountEntry& mount : snapshot.mounts) {
        if (mount.point.starts_with("/sys/fs/cgroup")) {
            mount.source = kOwnMark;
            mount.flags.read_only = mount.fstype == "tmpfs" || mount.point == "/sys/fs/cgroup/blkio";
        }
    }
    return with_mount(snapshot, "40 10 0:60 / /run rw - tmpfs cginit rw\n");
}

inline Snapshot elsewhere(const Snapshot& snapshot, const std::string& flags,
                          const std::string& point = "/host/memory") {
    return with_mount(snapshot, cgroup_line(30, 10, "/", point, flags, "memory"));
}

using Change = std::function<void(Options&)>;

inline Options options_of(const Change& change) {
    Options options;
    change(options);
    return options;
}

inline const Change kNothing = [](Options&) {};
inline const Change kNone = [](Options& o) { o.method = Method::none; };
inline const Change kRemount = [](Options& o) { o.method = Method::remount; };

inline const Change kUserns = [](Options& o) { o.method = Method::userns; };

inline Snapshot without(Snapshot snapshot, unsigned capability) {
    snapshot.status.effective_capabilities &= ~(std::uint64_t{1} << capability);
    return snapshot;
}

}  // namespace cginit
