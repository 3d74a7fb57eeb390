#include "decide/stages.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "decide/controller_policy.hpp"

namespace cginit {
namespace {

/// `--writable` names a controller whose limits do not hold for children, and it became writable.
bool gives_unguarded_controllers(const World& world, const Options& options) {
    const std::vector<std::string> named = options.writable.controllers();
    return std::any_of(world.hierarchies.begin(), world.hierarchies.end(), [&named](const Hierarchy& hierarchy) {
        const bool listed = std::any_of(named.begin(), named.end(), [&hierarchy](const std::string& controller) {
            return has_controller(hierarchy, controller);
        });
        return listed && !is_safely_writable(guard_of(hierarchy));
    });
}

bool is_raised(const std::optional<std::uint64_t>& limit, std::uint64_t standard) {
    return !limit || *limit > standard;
}

std::string text_of(const std::optional<std::uint64_t>& limit) { return limit ? std::to_string(*limit) : "max"; }

}  // namespace

std::vector<std::string> weakening_settings(const World& world, const Options& options, const Decision& decision) {
    std::vector<std::string> settings;
    const auto add = [&](bool weakens, const char* option, const std::string& value) {
        if (weakens) {
            const auto source = options.sources.find(option);
            const std::string name = std::string(option).substr(2);
            settings.push_back(concat({name, value.empty() ? "" : "=", value, " (",
                                       source == options.sources.end() ? "command line" : source->second, ")"}));
        }
    };
    const bool keeps_view = options.method == Method::remount || options.method == Method::none;
    // In a cgroup namespace a bind leads no further than a fresh mount.
    const bool bare_bind =
        options.method == Method::bind && decision.mounting == Mounting::bind && world.namespaced != Tri::yes;
    add(options.inner == Inner::never, "--inner", to_string(options.inner));
    add(keeps_view || bare_bind, "--method", to_string(options.method));
    add(!options.keep_mounts.empty(), "--keep-mount", join(options.keep_mounts, ":"));
    add(options.allow_host_cgroup, "--allow-host-cgroup", {});
    add(gives_unguarded_controllers(world, options), "--writable", options.writable.text());
    add(is_raised(options.max_cgroups, kMaxCgroups), "--max-cgroups", text_of(options.max_cgroups));
    add(is_raised(options.max_depth, kMaxDepth), "--max-depth", text_of(options.max_depth));
    add(options.on_failure == OnFailure::proceed, "--on-failure", to_string(options.on_failure));
    return settings;
}

}  // namespace cginit
