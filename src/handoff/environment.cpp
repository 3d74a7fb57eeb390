#include "handoff/handoff_ops.hpp"

#include <optional>
#include <string_view>

#include "cginit/invocation.hpp"
#include "core/text.hpp"

namespace cginit {

namespace {

/// `3aef...` to `3aef1234-0123-4567-89ab-0123456789ab`
std::optional<std::string> uuid_of(const std::string& container_id) {
    constexpr std::size_t kDigits = 32;
    const std::string_view digits = std::string_view(container_id).substr(0, kDigits);
    if (digits.size() < kDigits || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
        return std::nullopt;
    }
    std::string uuid;
    for (std::size_t i = 0; i < kDigits; ++i) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            uuid += '-';
        }
        uuid += digits[i];
    }
    return uuid;
}

}  // namespace

std::vector<std::string> init_environment(const std::vector<std::string>& environment, const InitIdentity& identity) {
    std::vector<std::string> result = environment;
    const char* pidfd_id = environment_value(environment, kListenPidfdId);
    if (pidfd_id != nullptr && (!identity.pidfd_id || parse_number(pidfd_id) != *identity.pidfd_id)) {
        std::erase_if(result, [](const std::string& variable) {
            return variable.starts_with(concat({kListenPidfdId, "="}));
        });
    }
    if (environment_value(environment, "container") == nullptr) {
        result.push_back("container=" + identity.container_kind);
    }
    const std::optional<std::string> uuid = uuid_of(identity.container_id);
    if (uuid && environment_value(environment, "container_uuid") == nullptr) {
        result.push_back("container_uuid=" + *uuid);
    }
    return result;
}

}  // namespace cginit
