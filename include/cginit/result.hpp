#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cginit/cure.hpp"
#include "cginit/error_code.hpp"

namespace cginit {

/// What an error means for the exit status (see exit_status()).
enum class ErrorKind {
    refused,         ///< cginit failed or refused, and all is as it was: 125
    not_undone,      ///< cginit failed, and what it had done could not be taken back: 125
    cannot_execute,  ///< the init exists but cannot be executed: 126
    not_found,       ///< the init does not exist: 127
};

/// What an error of a system call means in its place: what is the matter, why the kernel said so (one clause, may be
/// empty), and what mends it. Nothing is known if both the clause and the cures are empty.
struct Hint {
    ErrorCode code = ErrorCode::system_call;
    std::string because = {};
    Cures cures = {};

    bool operator==(const Hint&) const = default;
};

/// One failure, told once. `frames` go from the outermost context to the innermost
/// (`step 3 (...)`, `mount(MS_MOVE) /sys/fs/cgroup`); `errnum` is the errno of the call, 0 if no call failed;
/// `because` says why the kernel said so, where that is known; `cures` what makes it work, the surest first.
struct Error {
    int errnum = 0;
    std::vector<std::string> frames;
    std::string because = {};
    Cures cures = {};
    ErrorKind kind = ErrorKind::refused;
    ErrorCode code = ErrorCode::system_call;

    /// The same error seen from one context further out.
    [[nodiscard]] Error in(std::string frame) const;
    /// The same error with what is known about it, unless it knows better already.
    [[nodiscard]] Error with_hint(Hint hint) const;
    /// The same error with more cures, after those that it has.
    [[nodiscard]] Error with_cures(Cures more) const;
    /// The same error about the init: not_found or cannot_execute.
    [[nodiscard]] Error about_init(ErrorKind what) const;
    /// `frame: frame: Invalid argument; because`: the message without the cures.
    [[nodiscard]] std::string problem() const;
    /// `frame: frame: Invalid argument; because: cure, or cure`
    [[nodiscard]] std::string message() const;
    /// The message with the code in parentheses: what main() prints.
    [[nodiscard]] std::string line() const;

    bool operator==(const Error&) const = default;
};

/// An error that no system call caused.
[[nodiscard]] Error make_error(ErrorCode code, std::string frame, Cures cures = {});
/// An error of a system call or library that left `errnum`.
[[nodiscard]] Error make_errno_error(int errnum, std::string frame);
/// 125, 126 or 127, as env(1), nohup(1) and the engines use them.
[[nodiscard]] int exit_status(ErrorKind kind);
/// strerror(3) without locale, `Invalid argument`; for an unknown number `errno 4711`.
[[nodiscard]] std::string errno_text(int errnum);

/// A value or the error that prevented it; a small subset of C++23's std::expected.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    [[nodiscard]] T& value() { return std::get<0>(state_); }
    [[nodiscard]] const T& value() const { return std::get<0>(state_); }
    T& operator*() { return value(); }
    const T& operator*() const { return value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

private:
    std::variant<T, Error> state_;
};

/// Success, or the error that prevented it.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return !failed_; }
    explicit operator bool() const { return has_value(); }
    [[nodiscard]] const Error& error() const { return error_; }

private:
    Error error_;
    bool failed_ = false;
};

using Status = Result<void>;

}  // namespace cginit
