#include "cginit/result.hpp"

#include <cstring>

#include "core/text.hpp"

namespace cginit {

Error Error::in(std::string frame) const {
    Error outer = *this;
    outer.frames.insert(outer.frames.begin(), std::move(frame));
    return outer;
}

Error Error::with_cure(std::string text) const {
    Error cured = *this;
    if (cured.cure.empty()) {
        cured.cure = std::move(text);
    }
    return cured;
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

Error make_error(std::string frame, std::string cure) {
    Error error;
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
