#include "cginit/options.hpp"

#include "core/text.hpp"

namespace cginit {

template <class Word>
std::string WordOrControllers<Word>::text() const {
    return is_list() ? join(std::get<1>(choice_), ",") : std::string(to_string(std::get<0>(choice_)));
}

template class WordOrControllers<Writable>;
template class WordOrControllers<Delegate>;

const FactsFrom& facts_from(const Options& options) {
    static const FactsFrom kRunningSystem;
    if (const auto* print = std::get_if<PrintPlan>(&options.action)) {
        return print->from;
    }
    const auto* explain = std::get_if<Explain>(&options.action);
    return explain == nullptr ? kRunningSystem : explain->from;
}

std::vector<std::string> init_argv(const Options& options) {
    const auto* named = std::get_if<NamedInit>(&options.init);
    return named == nullptr ? std::vector<std::string>() : named->argv;
}

const char* to_string(Layout layout) {
    switch (layout) {
        case Layout::automatic: return "auto";
        case Layout::host: return "host";
        case Layout::unified: return "unified";
        case Layout::hybrid: return "hybrid";
        case Layout::legacy: return "legacy";
    }
    return "?";
}

const char* to_string(Method method) {
    switch (method) {
        case Method::automatic: return "auto";
        case Method::name_space: return "namespace";
        case Method::bind: return "bind";
        case Method::remount: return "remount";
        case Method::userns: return "userns";
        case Method::none: return "none";
    }
    return "?";
}

const char* to_string(Writable writable) {
    switch (writable) {
        case Writable::all: return "all";
        case Writable::tracking: return "tracking";
    }
    return "?";
}

const char* to_string(Delegate delegate) {
    switch (delegate) {
        case Delegate::automatic: return "auto";
        case Delegate::all: return "all";
        case Delegate::none: return "none";
    }
    return "?";
}

const char* to_string(Inner inner) {
    switch (inner) {
        case Inner::automatic: return "auto";
        case Inner::never: return "never";
    }
    return "?";
}

const char* to_string(LimitCopies copies) {
    switch (copies) {
        case LimitCopies::automatic: return "auto";
        case LimitCopies::never: return "never";
    }
    return "?";
}

const char* to_string(Expected expected) {
    switch (expected) {
        case Expected::automatic: return "auto";
        case Expected::keep: return "keep";
    }
    return "?";
}

const char* to_string(OnFailure on_failure) {
    switch (on_failure) {
        case OnFailure::exit: return "exit";
        case OnFailure::proceed: return "continue";
    }
    return "?";
}

}  // namespace cginit
