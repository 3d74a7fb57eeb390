#include "handoff/handoff_ops.hpp"

#include "handoff/environment.hpp"
#include "handoff/listen_fds.hpp"

namespace cginit {

std::vector<Op> handoff_ops(const InitCommand& init, const InitIdentity& identity, const Invocation& invocation,
                            int pid) {
    return {
        CloseDescriptors{first_fd_to_close(invocation.environment, pid)},
        ExecuteProgram{init.file, init.argv,
                       init_environment(invocation.environment, identity.container_kind, identity.container_id)},
    };
}

}  // namespace cginit
