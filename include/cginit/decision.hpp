#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cginit/options.hpp"
#include "cginit/result.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// What the init will find of one hierarchy.
enum class Access {
    writable,   ///< proved by a child cgroup made and removed
    read_only,  ///< visible, EROFS
    left_out,   ///< not mounted
};

/// How the mounts of the view come to be: `fresh` in a cgroup namespace whose root is the own cgroup; binds of that; the engine's,
/// with other flags; or as they are.
enum class Mounting { fresh, bind, remount, keep };
/// By whose permission: the container's own CAP_SYS_ADMIN; that of a user namespace that is made for it; or the engine's, which made
/// the container's root the owner of its cgroup.
enum class Authority { capability, user_namespace, delegation };

/// Whether the init gets a cgroup right below the host's root of a hierarchy, because the engine gave it none
/// (`--allow-host-cgroup`). Nobody removes it with the container.
enum class HostCgroup {
    no,
    yes,           ///< the own cgroup is the host's root
    if_real_root,  ///< it is unknown; told while still read-only
};

/// The decision on one hierarchy. `engine_cgroup` and `init_cgroup` are paths as /proc/self/cgroup named the own
/// cgroup at the start; they differ by the inner level or by a cgroup at the host's root.
struct HierarchyDecision {
    std::string name;  ///< hierarchy_name(): joins it to the World
    Access access = Access::left_out;
    bool inner = false;                 ///< a child cgroup keeps the init away from the engine's limits
    bool assert_not_real_root = false;  ///< it is unknown whether the own cgroup is the real root
    std::string engine_cgroup;
    std::string init_cgroup;  ///< the root of what the init sees
    std::string reason;
    HostCgroup host_cgroup = HostCgroup::no;
    std::string leaf = {};  ///< the child of `init_cgroup` that holds the init itself; empty = none

    bool operator==(const HierarchyDecision&) const = default;
};

/// What is made ready for an init that does not do so itself: its controllers enabled, cpusets that take processes.
struct Delegation {
    bool wanted = false;
    std::vector<std::string> controllers;  ///< empty = all that are there
    std::string reason;

    bool operator==(const Delegation&) const = default;
};

/// One thing that systemd expects of a container manager, and why it is done or left.
struct Measure {
    bool taken = false;
    std::string reason;

    bool operator==(const Measure&) const = default;
};

/// Whether a directory becomes a tmpfs. What the engine mounted below it stays.
struct TmpfsDecision {
    std::string point;  ///< one of kTmpfsPoints
    Measure measure;

    bool operator==(const TmpfsDecision&) const = default;
};

/// How the view will be built. The layout is never `automatic` here. Of a method's two axes not all pairs are there: what is not
/// fresh is done by the container's own capability, or is kept because the engine delegated it, which is proved before the init
/// may have it.
struct Decision {
    View layout = View::none;
    std::string layout_reason;
    Mounting mounting = Mounting::keep;
    Authority authority = Authority::capability;
    std::string method_reason;
    std::vector<HierarchyDecision> hierarchies;
    Delegation delegation;
    /// v2: what is enabled above the init; empty = all that there are. No value: nothing.
    std::optional<std::vector<std::string>> enabled_controllers = std::vector<std::string>();
    /// v2: how many cgroups there may be below the engine's, and how many levels; no value: as the engine left it.
    std::optional<std::uint64_t> max_cgroups = kMaxCgroups;
    std::optional<std::uint64_t> max_depth = kMaxDepth;
    bool copy_limits = true;  ///< the inner cgroup gets the engine's limits, for programs to read
    /// The name of the cgroup at the host's root, `cginit-ID`, where a hierarchy's decision wants one.
    std::string host_cgroup_name;
    std::vector<TmpfsDecision> tmpfs;  ///< in the order of kTmpfsPoints
    /// `--on-failure`; taken = the init may run on the engine's own view.
    Measure go_on;
    Measure sys_read_only;
    Measure share_tree;
    Measure hide_ttys;
    std::vector<std::string> ttys;               ///< the names in /dev that are hidden: `tty0`
    std::vector<std::string> drop_capabilities;  ///< right before the init is executed
    /// Cgroup mounts outside the view that are moved aside and detached.
    std::vector<std::string> detach_elsewhere;
    /// Cgroup mounts outside the view that stay because the user said so.
    std::vector<std::string> kept_elsewhere;
    /// What the user's settings weaken of the promises, and where each was set: `inner=never (CGINIT_INNER)`.
    std::vector<std::string> weakened;
    std::vector<std::string> warnings;  ///< each ends in ", ignoring" or says what is lost

    bool operator==(const Decision&) const = default;
};

/// What a cgroup at the host's root is called, followed by the container's id.
inline constexpr const char* kHostCgroupPrefix = "cginit-";

/// World and wishes to a decision. Errors are refusals with their cure: nothing has been touched.
[[nodiscard]] Result<Decision> decide(const World& world, const Options& options);

/// Whether the init may run on the view as the engine made it, after nothing better could be had and all was undone:
/// asked for with `--on-failure=continue`, safe for the host with this init, and a view that it can boot on.
[[nodiscard]] Measure choose_on_failure(const World& world, const Options& options);

/// The hierarchy in which systemd before 230 tracks processes. A v2 host has none: it is made by mounting it.
[[nodiscard]] Hierarchy tracking_hierarchy();
/// True if the view is one that an earlier cginit made, and nothing else is missing.
[[nodiscard]] bool changes_nothing(const Decision& decision);
/// True if the number and the depth of the hierarchy's cgroups are limited: in the engine's cgroup, which only an inner level
/// puts out of the init's reach, and on v2 alone.
[[nodiscard]] bool limits_descendants(const HierarchyDecision& choice, const Decision& decision);
/// What --allow-host-cgroup costs where the container gets a cgroup at the host's root of this hierarchy.
[[nodiscard]] std::string host_cgroup_warning(const HierarchyDecision& choice, const Decision& decision);
/// True if the view at /sys/fs/cgroup is made anew.
[[nodiscard]] bool rebuilds_view(const Decision& decision);
/// True if that is by mounting the hierarchies once more, in a cgroup namespace whose root is the own cgroup.
[[nodiscard]] bool mounts_afresh(const Decision& decision);
/// True if mounts are built aside and moved into place, or moved away.
[[nodiscard]] bool needs_workbench(const Decision& decision);

/// What `--method` calls the two axes together: `namespace`, `userns`.
[[nodiscard]] Method method_of(const Decision& decision);
/// The reverse; not `automatic`.
void set_method(Decision& decision, Method method);

[[nodiscard]] const char* to_string(View view);
[[nodiscard]] const char* to_string(Access access);

}  // namespace cginit
