#include "core/text.hpp"
#include "detect/detect.hpp"

namespace cginit {

std::string selinux_type(const std::string& label) {
    const std::vector<std::string> context = split(label, ':');
    const bool is_context = context.size() >= 3 && context[1].ends_with("_r") && label.find(' ') == std::string::npos;
    return is_context ? context[2] : "";
}

bool is_confined(const std::string& label) {
    const std::string type = selinux_type(label);
    if (!type.empty()) {
        return type != "spc_t" && type != "kernel_t" && !type.starts_with("unconfined_");
    }
    return !label.empty() && label != "unconfined" && label != "kernel";
}

}  // namespace cginit
