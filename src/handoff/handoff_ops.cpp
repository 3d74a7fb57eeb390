#include "handoff/handoff_ops.hpp"

namespace cginit {

std::vector<Op> handoff_ops(const InitCommand& init, const InitIdentity& identity,
                            const std::vector<std::string>& drop_capabilities, const Invocation& invocation) {
    std::vector<Op> ops;
    if (!drop_capabilities.empty()) {
        ops.emplace_back(DropCapabilities{drop_capabilities});
    }
    ops.emplace_back(ReleaseUmask{});
    ops.emplace_back(ReleaseSignals{});
    ops.emplace_back(ExecuteProgram{init.path, init.argv, init_environment(invocation.environment, identity)});
    return ops;
}

}  // namespace cginit
