#pragma once

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

/// The decision on one hierarchy. `engine_cgroup` and `init_cgroup` are paths as /proc/self/cgroup named the own
/// cgroup at the start; they differ by the inner level.
struct HierarchyDecision {
    std::string name;  ///< hierarchy_name(): joins it to the World
    Access access = Access::left_out;
    bool inner = false;                 ///< a child cgroup keeps the init away from the engine's limits
    bool assert_not_real_root = false;  ///< it is unknown whether the own cgroup is the real root
    std::string engine_cgroup;
    std::string init_cgroup;
    std::string reason;

    bool operator==(const HierarchyDecision&) const = default;
};

/// How the view will be built. Layout and method are never `automatic` here.
struct Decision {
    View layout = View::none;
    std::string layout_reason;
    Method method = Method::none;
    std::string method_reason;
    std::vector<HierarchyDecision> hierarchies;
    bool run_tmpfs = false;
    std::string run_reason;
    /// Cgroup mounts outside the view that are moved aside and detached.
    std::vector<std::string> detach_elsewhere;
    /// Cgroup mounts outside the view that stay because the user said so.
    std::vector<std::string> kept_elsewhere;
    std::vector<std::string> warnings;  ///< each ends in ", ignoring" or says what is lost

    bool operator==(const Decision&) const = default;
};

/// The cgroup level between the engine's limits and the init: the child's name.
inline constexpr const char* kInnerName = "cginit";

/// World and wishes to a decision. Errors are refusals with their cure: nothing has been touched.
[[nodiscard]] Result<Decision> decide(const World& world, const Options& options);

[[nodiscard]] const char* to_string(View view);
[[nodiscard]] const char* to_string(Access access);

}  // namespace cginit
