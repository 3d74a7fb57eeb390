#include "plan/builder.hpp"

namespace cginit {
namespace {

// In the order in which they are written: v1 refuses a limit of memory and swap that is below the one of memory alone.
// memory.min and memory.low are in the list because protection, too, has to be given at every level. Not in it are v1's
// cpu quota and v2's cpuset, of which the kernel would hold the engine's own later changes against the copy (EINVAL,
// EBUSY), and what nobody reads.
const std::vector<std::string> kV1Memory{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
                                         "memory.soft_limit_in_bytes"};
const std::vector<std::string> kPids{"pids.max"};
const std::vector<std::string> kV2{"memory.min",      "memory.low", "memory.high", "memory.max",
                                   "memory.swap.max", "pids.max",   "cpu.max"};

}  // namespace

void plan_readable_limits(PlanBuilder& builder, const Stage& stage) {
    std::vector<std::string> files;
    if (!builder.decision().copy_limits) {
        return;
    }
    if (stage.hierarchy->version == HierarchyVersion::v2) {
        // Elsewhere nothing is enabled above the inner level, so that it has no such files.
        if (builder.decision().layout == View::unified && builder.decision().enabled_controllers) {
            files = kV2;
        }
    } else if (stage.is_visible()) {
        for (const auto& [controller, limits] : {std::pair("memory", kV1Memory), std::pair("pids", kPids)}) {
            if (has_controller(*stage.hierarchy, controller)) {
                files.insert(files.end(), limits.begin(), limits.end());
            }
        }
    }
    if (!files.empty()) {
        builder
            .add(Phase::prepare, CopyLimits{stage.engine, stage.init_directory(), std::move(files)},
                 "programs look for their limits at their own root", "gone with the cgroup")
            .parts = stage.level_parts();
    }
}

}  // namespace cginit
