#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cginit/decision.hpp"
#include "cginit/options.hpp"
#include "cginit/plan.hpp"
#include "cginit/snapshot.hpp"
#include "cginit/world.hpp"

namespace cginit {

inline constexpr std::uint64_t kHostCgroupNamespace = 4026531835;
inline constexpr std::uint64_t kOwnCgroupNamespace = 4026532601;

/// What the shapes have in common is told apart from what --delegate adds.
[[nodiscard]] Options undelegated();

/// A small container, written as the kernel shows it, for the tests of everything behind `classify`.
struct Scene {
    std::string name;
    std::string mountinfo;
    std::string cgroups;
    std::uint64_t cgroup_namespace = kHostCgroupNamespace;  ///< 0: no namespace link can be read
    std::string kernel_release = "6.1.0-18-amd64";
    InitTraits init = {InitKind::busybox, std::nullopt, "/bin/busybox"};
    Options options = undelegated();
    std::map<std::string, PlaceType> places = {};
    std::optional<std::vector<std::string>> host_ttys = {};

    bool operator==(const Scene&) const = default;
};

/// One scene for each shape that a plan can have.
[[nodiscard]] const std::vector<Scene>& scenes();
[[nodiscard]] const Scene& scene(const std::string& name);

struct Planned {
    World world;
    Decision decision;
    Plan plan;
};

[[nodiscard]] World world_of(const Scene& scene);
/// Throws std::runtime_error if the scene is refused.
[[nodiscard]] Planned plan_of(const Scene& scene);
/// The same, with the decision changed before planning.
[[nodiscard]] Planned plan_of(const Scene& scene, const std::function<void(World&, Decision&)>& change);

/// The ops of a plan as --dry-run prints them.
[[nodiscard]] std::vector<std::string> op_lines(const Plan& plan);
/// Position of the first line that holds `text`, npos if none does.
[[nodiscard]] std::size_t find_line(const std::vector<std::string>& lines, const std::string& text);

/// Shown by GoogleTest as a parameter.
inline void PrintTo(const Scene& scene, std::ostream* out) { *out << scene.name; }

}  // namespace cginit
