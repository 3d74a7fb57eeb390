#include "cginit/result.hpp"

#include <cstring>

#include "core/text.hpp"

namespace cginit {

Error Error::in(std::string frame) const {
    Error outer = *this;
    outer.frames.insert(outer.frames.begin(), std::move(frame));
    return outer;
}

Error Error::with_cure(Cure known) const {
    Error cured = *this;
    if (cured.cure.empty() && !known.text.empty()) {
        cured.cure = std::move(known.text);
        cured.code = known.code;
    }
    return cured;
}

Error Error::about_init(ErrorKind what) const {
    Error about = *this;
    about.kind = what;
    about.code = what == ErrorKind::not_found ? ErrorCode::no_init : ErrorCode::bad_init;
    return about;
}

std::string Error::message() const {
    std::string text = join(frames, ": ");
    if (errnum != 0) {
        text += text.empty() ? "" : ": ";
        text += errno_text(errnum);
    }
    if (!cure.empty()) {
        text += text.empty() ? "" : "; ";
        text += cure;
    }
    return text;
}

std::string Error::line() const { return concat({message(), " (", to_string(code), ")"}); }

Error make_error(ErrorCode code, std::string frame, std::string cure) {
    Error error;
    error.code = code;
    error.frames.push_back(std::move(frame));
    error.cure = std::move(cure);
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
