#pragma once

#include <functional>
#include <string>
#include <vector>

namespace cginit {

/// A program that ended.
struct Finished {
    int status = 0;  ///< exit status, 128 + the signal that ended it
    std::string output;
    std::string errors;
};

/// Runs argv[0] (a path) with exactly this environment; `before` is called in the new process before it is executed.
[[nodiscard]] Finished run_program(const std::vector<std::string>& argv,
                                   const std::vector<std::string>& environment = {},
                                   const std::function<void()>& before = {});

/// Makes a system call fail with this errno from now on, for the calling process and its children, as an engine's
/// seccomp profile does.
void refuse_call(long number, int errnum);

/// Takes CAP_SYS_ADMIN from every set, as engines do without --cap-add SYS_ADMIN.
void drop_sys_admin();
/// The same of any capability.
void drop_capability(unsigned number);
/// CAP_SYS_ADMIN, and user namespaces with it, as Docker's own profile does.
void drop_sys_admin_for_good();

/// One error, told once, with the exit status and all these parts; nothing on standard output.
void expect_error(const Finished& finished, int status, const std::vector<std::string>& parts);

}  // namespace cginit
