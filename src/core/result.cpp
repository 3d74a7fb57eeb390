#include "cginit/result.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/text.hpp"

namespace cginit {

Error Error::in(std::string frame) const {
    Error outer = *this;
    outer.frames.insert(outer.frames.begin(), std::move(frame));
    return outer;
}

Error Error::with_hint(Hint hint) const {
    Error known = *this;
    const bool nothing = hint.because.empty() && hint.cures.empty();
    if (known.because.empty() && known.cures.empty() && !nothing) {
        known.because = std::move(hint.because);
        known.cures = std::move(hint.cures);
        known.code = hint.code;
    }
    return known;
}

Error Error::with_cures(Cures more) const {
    Error error = *this;
    std::move(more.begin(), more.end(), std::back_inserter(error.cures));
    return error;
}

Error Error::about_init(ErrorKind what) const {
    Error about = *this;
    about.kind = what;
    about.code = what == ErrorKind::not_found ? ErrorCode::no_init : ErrorCode::bad_init;
    return about;
}

std::string Error::problem() const {
    std::string text = join(frames, ": ");
    if (errnum != 0) {
        text += text.empty() ? "" : ": ";
        text += errno_text(errnum);
    }
    return concat({text, text.empty() || because.empty() ? "" : "; ", because});
}

std::string Error::message() const {
    const std::string what = problem();
    const std::string cure = text_of(cures);
    const char* between = because.empty() ? "; " : ": ";
    return concat({what, what.empty() || cure.empty() ? "" : between, cure});
}

std::string Error::line() const { return concat({message(), " (", to_string(code), ")"}); }

Error make_error(ErrorCode code, std::string frame, Cures cures) {
    Error error;
    error.code = code;
    error.frames.push_back(std::move(frame));
    error.cures = std::move(cures);
    return error;
}

Error make_errno_error(int errnum, std::string frame) {
    Error error;
    error.errnum = errnum;
    error.frames.push_back(std::move(frame));
    return error;
}

int exit_status(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::refused:
        case ErrorKind::not_undone: return 125;
        case ErrorKind::cannot_execute: return 126;
        case ErrorKind::not_found: return 127;
    }
    return 125;
}

std::string errno_text(int errnum) {
    // strerror(3) would look for a message catalogue; this one reads glibc's table only.
    const char* text = ::strerrordesc_np(errnum);
    return text != nullptr ? std::string(text) : "errno " + std::to_string(errnum);
}

}  // namespace cginit
