#include "report/text.hpp"

#include <algorithm>
#include <cctype>

#include "cginit/invocation.hpp"

namespace cginit {
namespace {

/// Empty as well as missing: both say nothing.
std::string value_of(const std::vector<std::string>& environment, const char* name) {
    const char* value = environment_value(environment, name);
    return value == nullptr ? std::string() : std::string(value);
}

/// `de_DE.UTF-8`, `C.utf8`, `en_US.UTF-8@euro`, and `UTF-8` alone, which ssh(1) brings along from other systems.
bool names_utf8(const std::string& locale) {
    std::string codeset = locale.substr(locale.find('.') + 1);
    codeset.resize(std::min(codeset.size(), codeset.find('@')));
    std::erase(codeset, '-');
    std::transform(codeset.begin(), codeset.end(), codeset.begin(), [](unsigned char c) { return std::tolower(c); });
    return codeset == "utf8";
}

}  // namespace

TextStyle text_style_for(const std::vector<std::string>& environment, bool terminal) {
    TextStyle style;
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const std::string locale = value_of(environment, name);
        if (!locale.empty()) {
            style.unicode = names_utf8(locale);
            break;
        }
    }
    const std::string kind = value_of(environment, "TERM");
    style.colour = terminal && !kind.empty() && kind != "dumb" && value_of(environment, "NO_COLOR").empty();
    return style;
}

}  // namespace cginit
