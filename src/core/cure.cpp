#include "cginit/cure.hpp"

#include <cstddef>

#include "core/text.hpp"

namespace cginit {
namespace {

/// In the order of CureId.
constexpr const char* kTexts[] = {
#include "core/cure_texts.inc"
    "{0}",
};

}  // namespace

std::string filled(std::string text, const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string mark = concat({"{", std::to_string(i), "}"});
        const std::size_t at = text.find(mark);
        if (at != std::string::npos) {
            text.replace(at, mark.size(), arguments[i]);
        }
    }
    return text;
}

std::string text_of(const Cure& cure) { return filled(kTexts[static_cast<std::size_t>(cure.id)], cure.arguments); }

std::string text_of(const Cures& cures) {
    std::vector<std::string> texts;
    for (const Cure& cure : cures) {
        texts.push_back(text_of(cure));
    }
    return join(texts, ", or ");
}

}  // namespace cginit
