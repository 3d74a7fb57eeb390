#include "handoff/handoff_ops.hpp"

#include "handoff/environment.hpp"
#include "handoff/listen_fds.hpp"

namespace cginit {

std::vector<Op> handoff_ops(const InitCommand& init, const InitIdentity& identity,
                            const std::vector<std::string>& drop_capabilities, const Invocation& invocation, int pid) {
    std::vector<Op> ops{CloseDescriptors{first_fd_to_close(invocation.environment, pid)}};
    if (!drop_capabilities.empty()) {
        ops.emplace_back(DropCapabilities{drop_capabilities});
    }
    ops.emplace_back(ReleaseSignals{});
    ops.emplace_back(
        ExecuteProgram{init.file, init.argv,
                       init_environment(invocation.environment, identity.container_kind, identity.container_id)});
    return ops;
}

}  // namespace cginit
