#include "advice/advice.hpp"

#include "core/text.hpp"

namespace cginit {
namespace {

/// The mapped root as the host numbers it; the id of `0 100000 65536` is 100000.
std::string outer_root(const std::vector<IdRange>& ranges) {
    for (const IdRange& range : ranges) {
        if (range.first == 0) {
            return std::to_string(range.outside);
        }
    }
    return "ROOT";
}

}  // namespace

/// Exactly what an owner hands over, cgroups(7), "Cgroups delegation: delegating a hierarchy to a less privileged user".
/// Before the container's program is there: of engines only Podman has a moment for it, with others it is a hook's work.
std::string chown_commands(const World& world) {
    const bool podman = world.engine == Engine::podman;
    const std::string id = world.container_id.empty() ? "CONTAINER" : world.container_id.substr(0, 12);
    const std::string owner = concat({outer_root(world.uid_ranges), ":", outer_root(world.gid_ranges)});
    const std::string begin =
        podman ? concat({"# podman create instead of run, and podman init; then this:\n",
                         "pid=$(podman inspect -f '{{.State.Pid}}' ", id, ")\n"})
               : "# in a createRuntime hook of the runtime's, which reads the state:\npid=$(jq .pid)\n";
    return concat({begin, "cd \"/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)\" && chown ", owner, " .\n",
                   "for f in $(cat /sys/kernel/cgroup/delegate); do\n", "  [ ! -e $f ] || chown ", owner, " $f; done",
                   podman ? "\n# and last podman start" : ""});
}

}  // namespace cginit
