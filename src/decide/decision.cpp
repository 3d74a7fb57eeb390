#include "cginit/decision.hpp"

#include "core/text.hpp"

namespace cginit {

bool limits_descendants(const HierarchyDecision& choice, const Decision& decision) {
    return choice.name == "unified" && choice.inner && (decision.max_cgroups || decision.max_depth);
}

std::string host_cgroup_warning(const HierarchyDecision& choice, const Decision& decision) {
    const bool limitable = choice.name == "unified";
    return concat({"the cgroup ", decision.host_cgroup_name, " at the host's root of ", choice.name,
                   " outlives the container", limitable ? concat({", and ", kUnlimitedCgroups}) : "",
                   ": --allow-host-cgroup"});
}

Method method_of(const Decision& decision) {
    switch (decision.mounting) {
        case Mounting::fresh:
            return decision.authority == Authority::user_namespace ? Method::userns : Method::name_space;
        case Mounting::bind: return Method::bind;
        case Mounting::remount: return Method::remount;
        case Mounting::keep: return Method::none;
    }
    return Method::none;
}

void set_method(Decision& decision, Method method) {
    decision.authority = method == Method::userns ? Authority::user_namespace : Authority::capability;
    switch (method) {
        case Method::automatic:
        case Method::name_space:
        case Method::userns: decision.mounting = Mounting::fresh; break;
        case Method::bind: decision.mounting = Mounting::bind; break;
        case Method::remount: decision.mounting = Mounting::remount; break;
        case Method::none: decision.mounting = Mounting::keep; break;
    }
}

bool mounts_afresh(const Decision& decision) { return decision.mounting == Mounting::fresh; }

bool rebuilds_view(const Decision& decision) { return mounts_afresh(decision) || decision.mounting == Mounting::bind; }

const char* to_string(View view) {
    switch (view) {
        case View::unified: return "unified";
        case View::hybrid: return "hybrid";
        case View::legacy: return "legacy";
        case View::none: return "none";
    }
    return "";
}

const char* to_string(Access access) {
    switch (access) {
        case Access::writable: return "writable";
        case Access::read_only: return "read-only";
        case Access::left_out: return "left out";
    }
    return "";
}

}  // namespace cginit
