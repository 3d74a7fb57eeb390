#pragma once

#include <string>
#include <vector>

#include "cginit/op.hpp"
#include "cginit/result.hpp"

namespace cginit {

/// What an op has to tell beyond success: one sentence each, e.g. a controller that could not be enabled.
struct Outcome {
    std::vector<std::string> notes;
    /// What went well and only the curious want to know: the controllers that were enabled.
    std::vector<std::string> details = {};
    bool found = false;  ///< it was so before: there is nothing to take back
};

/// The one door through which the system is changed.
class Kernel {
public:
    Kernel() = default;
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;
    Kernel(Kernel&&) = delete;
    Kernel& operator=(Kernel&&) = delete;
    virtual ~Kernel() = default;

    /// Performs one op, wholly or not at all. The error's innermost frame names call and path.
    virtual Result<Outcome> perform(const Op& op) = 0;
};

}  // namespace cginit
