#include "advice/advice.hpp"

namespace cginit {

bool is_unconfined_in_user_namespace(const World& world) {
    return world.security_label == "unconfined" && !world.has_sys_admin && world.user_namespaces.possible == Tri::yes;
}

bool can_be_confined(const World& world) {
    const bool sys_admin = world.has_sys_admin || world.bounds_sys_admin;
    return !sys_admin || !world.initial_user_namespace;
}

}  // namespace cginit
