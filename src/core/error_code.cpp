#include "cginit/error_code.hpp"

#include <cstddef>

namespace cginit {
namespace {

/// In the order of ErrorCode.
constexpr const char* kNames[] = {
#include "core/error_code_names.inc"
};

}  // namespace

const char* to_string(ErrorCode code) { return kNames[static_cast<std::size_t>(code)]; }

}  // namespace cginit
