#pragma once

#include <functional>
#include <string>

#include "apply/linux/kernel_linux.hpp"
#include "kernel/support/container.hpp"

namespace cginit {

// One op at a time, in a container of its own.

/// A path in the folder that a container has for its tests.
[[nodiscard]] std::string in_place(const std::string& name);

/// Runs `body` as PID 1 of a container that sees the machine's whole tree, below which its own cgroups are.
void in_container(const std::function<void(const TestCgroups&)>& body);

void succeeds(KernelLinux& kernel, const Op& op);

/// The errno and the innermost frame, which names call and path.
void fails(KernelLinux& kernel, const Op& op, int errnum, const std::string& frame);

}  // namespace cginit
