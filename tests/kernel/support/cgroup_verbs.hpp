#pragma once

#include <functional>
#include <string>

#include "cginit/error_code.hpp"
#include "cginit/kernel.hpp"
#include "cginit/op.hpp"

namespace cginit {

/// Runs `body` as PID 1 of a container that sees the machine's whole tree; it gets the own cgroup of one hierarchy.
void in_cgroup(const std::string& hierarchy, const std::function<void(const std::string&)>& body);

/// Performs an op that has to succeed.
Outcome succeeds(const Op& op);
/// Performs one that has to fail with this message.
void fails(const Op& op, const std::string& message, ErrorCode code = ErrorCode::system_call);

}  // namespace cginit
