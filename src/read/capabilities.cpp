#include "read/proc_files.hpp"

#include <sys/capability.h>

#include <memory>

namespace cginit {

std::vector<std::string> capability_names(std::uint64_t mask) {
    std::vector<std::string> names;
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (((mask >> bit) & 1U) != 0) {
            const std::unique_ptr<char, int (*)(void*)> name(::cap_to_name(static_cast<cap_value_t>(bit)), ::cap_free);
            names.emplace_back(name ? name.get() : "?");
        }
    }
    return names;
}

}  // namespace cginit
