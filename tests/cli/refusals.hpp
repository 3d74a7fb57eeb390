#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernel/support/container.hpp"

namespace cginit {

using Strings = std::vector<std::string>;

/// An init that says what it finds.
inline constexpr const char* kShowInit = "/cginit-work/show";

/// A container with cginit in it, and this init.
[[nodiscard]] ContainerSpec container_for_cginit(EngineView view);

/// One call of cginit that has to be refused.
struct Refused {
    const char* name;
    Strings arguments;
    Strings environment;
    std::function<void()> before;  ///< in the process that becomes cginit
    int status;
    Strings parts;  ///< of the error
};

/// Each case in one container: refused with one error, and nothing is changed.
void expect_refusals(const ContainerSpec& spec, const std::vector<Refused>& cases);

}  // namespace cginit
