#include "decide/systemd_layouts.hpp"

namespace cginit {

std::vector<View> compatible_layouts(const InitTraits& init) {
    if (init.kind == InitKind::finit) {
        return {View::unified};
    }
    if (init.kind != InitKind::systemd || !init.version) {
        return {View::legacy, View::hybrid, View::unified};
    }
    if (*init.version >= kFirstUnifiedOnly) {
        return {View::unified};
    }
    if (*init.version >= kFirstHybrid) {
        return {View::legacy, View::hybrid, View::unified};
    }
    return *init.version >= kFirstOnV2 ? std::vector<View>{View::legacy, View::unified}
                                       : std::vector<View>{View::legacy};
}

}  // namespace cginit
