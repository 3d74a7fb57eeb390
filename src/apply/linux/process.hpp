#pragma once

#include "cginit/op.hpp"
#include "cginit/result.hpp"

namespace cginit {

// The last changes to the process itself.

[[nodiscard]] Status close_descriptors(const CloseDescriptors& op);
[[nodiscard]] Status drop_capabilities(const DropCapabilities& op);
[[nodiscard]] Status keep_capabilities(const KeepCapabilities& op);
/// Returns only on failure: 127 if file or interpreter is missing, else 126.
[[nodiscard]] Status execute_program(const ExecuteProgram& op);

}  // namespace cginit
