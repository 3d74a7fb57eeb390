#include "decide/choose_layout.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace cginit {
namespace {

constexpr int kFirstHybrid = 233;  // today's hybrid, with cgroup2 on `unified`
constexpr int kSlowOnV1 = 256;     // boots on v1 after a pause of 30 s
constexpr int kFirstUnifiedOnly = 258;

constexpr const char* kBootV2 =
    "boot the host with systemd.unified_cgroup_hierarchy=1 (v2), or take an image with systemd 257 or older";

const Hierarchy* find_v2(const World& world) {
    const auto found = std::find_if(world.hierarchies.begin(), world.hierarchies.end(), [](const Hierarchy& hierarchy) {
        return hierarchy.version == HierarchyVersion::v2 && hierarchy.id >= 0;
    });
    return found == world.hierarchies.end() ? nullptr : &*found;
}

/// Why the own v2 cgroup cannot be shown; empty if it can, or if only trying tells.
std::string v2_obstacle(const World& world, const Options& options) {
    const Hierarchy* v2 = find_v2(world);
    if (v2 == nullptr) {
        return "this kernel has no cgroup2";
    }
    // `0::/` on a pure v1 host: the engine left the container at the host's v2 root.
    if (v2->real_root == Tri::yes) {
        return "the container sits at the host's v2 root";
    }
    const bool shown = view_mount(*v2) != nullptr;
    if (!shown && (options.method == Method::bind || world.cgroup_namespaces == Tri::no)) {
        return "the engine does not show v2, and without a cgroup namespace it cannot be mounted";
    }
    return {};
}

void set_layout(Decision& decision, View layout, std::string reason) {
    decision.layout = layout;
    decision.layout_reason = std::move(reason);
}

void warn_of_lost_controllers(const World& world, Decision& decision) {
    if (decision.layout == View::unified && world.view != View::unified) {
        decision.warnings.emplace_back(
            "this host keeps its controllers on v1: MemoryMax= and other limits of units have no effect in the unified "
            "layout, and the container's own limits cannot be read");
    }
}

Status choose_wanted(const World& world, const Options& options, Decision& decision) {
    const bool wants_v1 = options.layout == Layout::legacy || options.layout == Layout::hybrid;
    const bool wants_v2 = options.layout == Layout::unified || options.layout == Layout::hybrid;
    const std::string name = to_string(options.layout);
    if (wants_v1 && world.view == View::unified) {
        return make_error(concat({"--layout=", name, ": this container's view is unified"}),
                          "use --layout=host, or boot the host with v1 hierarchies");
    }
    const std::string obstacle = wants_v2 ? v2_obstacle(world, options) : "";
    if (!obstacle.empty()) {
        return make_error(concat({"--layout=", name, ": ", obstacle}),
                          "use --layout=host, or boot the host with a v2 hierarchy (unified or hybrid)");
    }
    const View layout = wants_v1 ? (wants_v2 ? View::hybrid : View::legacy) : View::unified;
    set_layout(decision, layout, concat({"asked for with --layout=", name}));
    return {};
}

/// systemd on a view with v1 hierarchies: which of them this version can live with.
Status choose_for_systemd(const World& world, const Options& options, int version, Decision& decision) {
    const std::string obstacle = v2_obstacle(world, options);
    const std::string name = concat({"systemd ", std::to_string(version)});
    if (version >= kFirstUnifiedOnly) {
        if (!obstacle.empty()) {
            return make_error(concat({name, " refuses cgroup v1, and ", obstacle}), kBootV2);
        }
        set_layout(decision, View::unified, concat({name, " refuses v1"}));
    } else if (version == kSlowOnV1 && obstacle.empty()) {
        set_layout(decision, View::unified, concat({name, " waits 30 s before it boots on v1"}));
    } else if (version < kFirstHybrid && world.view == View::hybrid) {
        set_layout(decision, View::legacy, concat({name, " does not know this hybrid layout"}));
    }
    return {};
}

}  // namespace

Status choose_layout(const World& world, const Options& options, Decision& decision) {
    if (world.view == View::none) {
        return make_error("no cgroup file system is visible at /sys/fs/cgroup, so the host's layout is out of sight",
                          "leave the engine's cgroup mount in place (no -v over /sys or /sys/fs/cgroup)");
    }
    set_layout(decision, world.view, "the host's");
    Status status;
    if (options.layout != Layout::automatic && options.layout != Layout::host) {
        status = choose_wanted(world, options, decision);
    } else if (options.layout == Layout::automatic && world.init.kind == InitKind::systemd && world.init.version &&
               world.view != View::unified && options.method != Method::none && options.method != Method::remount) {
        status = choose_for_systemd(world, options, *world.init.version, decision);
    }
    if (status) {
        warn_of_lost_controllers(world, decision);
    }
    return status;
}

}  // namespace cginit
