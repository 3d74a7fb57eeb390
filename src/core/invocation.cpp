#include "cginit/invocation.hpp"

#include <string_view>

#include "core/path.hpp"

namespace cginit {

const char* environment_value(const std::vector<std::string>& environment, const std::string& name) {
    for (const std::string& entry : environment) {
        if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
            return entry.c_str() + name.size() + 1;
        }
    }
    return nullptr;
}

bool is_own_name(const std::string& argv0) { return base_name(argv0).starts_with("cginit"); }

}  // namespace cginit
