#include "decide/obstacles.hpp"

#include "core/text.hpp"

namespace cginit {
namespace {

Obstacle not_container(std::string text, Cures cures) {
    return {std::move(text), std::move(cures), ErrorCode::not_container};
}

}  // namespace

Obstacle container_obstacle(const World& world) {
    const bool hosts_processes = world.host_processes == Tri::yes;
    if (hosts_processes && (world.is_pid1 || world.pid1_mounts == Tri::yes)) {
        return not_container("this is no container: processes and mounts are the host's", {CureId::be_entrypoint});
    }
    // An engine that leaves the container in its own service's cgroup starts it in a PID namespace of its own.
    if (!world.unit.empty() && (hosts_processes || (!world.is_pid1 && world.pid1_mounts == Tri::yes))) {
        return not_container(
            concat({"the cgroup ", world.unit, " is a login session's or a service's, and no container's"}),
            {CureId::own_scope, CureId::be_entrypoint});
    }
    switch (world.neighbours) {
        case Neighbours::some:
            return not_container(
                concat({"process ", world.neighbour,
                        " was in this container first: an init runs here already, and its mounts are not "
                        "cginit's to change"}),
                {CureId::be_entrypoint});
        case Neighbours::hidden:
            return not_container(
                "processes are hidden here (/proc with hidepid), so that it cannot be told whose mounts these are",
                {"make cginit PID 1, or mount /proc without hidepid"});
        case Neighbours::none:
        case Neighbours::not_looked_for: break;
    }
    return {};
}

}  // namespace cginit
