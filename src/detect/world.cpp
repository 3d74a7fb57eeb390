#include "cginit/world.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace cginit {

std::string hierarchy_name(const Hierarchy& hierarchy) {
    return hierarchy.version == HierarchyVersion::v2 ? "unified" : join(hierarchy.controllers, ",");
}

bool has_controller(const Hierarchy& hierarchy, std::string_view controller) {
    return std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), controller) !=
           hierarchy.controllers.end();
}

const HierarchyMount* view_mount(const Hierarchy& hierarchy) {
    for (const HierarchyMount& mount : hierarchy.mounts) {
        if (mount.in_view && mount.visible) {
            return &mount;
        }
    }
    return nullptr;
}

bool is_above_own(Exposure exposure) {
    switch (exposure) {
        case Exposure::own_subtree:
        case Exposure::namespaced:
        case Exposure::below: return false;
        case Exposure::whole_tree:
        case Exposure::foreign: return true;
    }
    return true;
}

Tri shows_more(Exposure exposure, Tri real_root) {
    if (is_above_own(exposure)) {
        return Tri::yes;
    }
    return exposure == Exposure::below && real_root != Tri::yes ? Tri::no : real_root;
}

bool is_above_own(const HierarchyMount& mount) { return is_above_own(mount.exposure); }

Tri shows_more(const Hierarchy& hierarchy, const HierarchyMount& mount) {
    return shows_more(mount.exposure, hierarchy.real_root);
}

const char* to_string(Engine engine) {
    switch (engine) {
        case Engine::docker: return "docker";
        case Engine::podman: return "podman";
        case Engine::lxc: return "lxc";
        case Engine::kubernetes: return "kubernetes";
        case Engine::oci: return "oci";
    }
    return "";
}

const char* to_string(Place place) {
    static constexpr const char* kNames[] = {
        "unknown",
#include "detect/place_names.inc"
    };
    return kNames[static_cast<std::size_t>(place)];
}

const char* to_string(Host host) {
    static constexpr const char* kNames[] = {
        "unknown",
#include "detect/host_names.inc"
    };
    return kNames[static_cast<std::size_t>(host)];
}

const char* to_string(Runtime runtime) {
    switch (runtime) {
        case Runtime::runc: return "runc";
        case Runtime::crun: return "crun";
        case Runtime::gvisor: return "gvisor";
        case Runtime::sysbox: return "sysbox";
        case Runtime::unknown: return "unknown";
    }
    return "";
}

const char* to_string(Exposure exposure) {
    switch (exposure) {
        case Exposure::own_subtree: return "own subtree";
        case Exposure::namespaced: return "namespaced";
        case Exposure::below: return "below";
        case Exposure::whole_tree: return "whole tree";
        case Exposure::foreign: return "foreign";
    }
    return "";
}

const char* to_string(Tri tri) {
    switch (tri) {
        case Tri::no: return "no";
        case Tri::yes: return "yes";
        case Tri::unknown: return "unknown";
    }
    return "";
}

}  // namespace cginit
