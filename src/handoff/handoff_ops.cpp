#include "handoff/handoff_ops.hpp"

#include "handoff/environment.hpp"
#include "handoff/listen_fds.hpp"

namespace cginit {

std::vector<Op> handoff_ops(const World& world, const InitCommand& init, const Invocation& invocation, int pid) {
    return {
        CloseDescriptors{first_fd_to_close(invocation.environment, pid)},
        ExecuteProgram{init.file, init.argv,
                       init_environment(invocation.environment, to_string(world.engine), world.container_id)},
    };
}

}  // namespace cginit
