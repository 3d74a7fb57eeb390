#include "cli/run_cginit.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>

#include "core/text.hpp"
#include "core/unique_fd.hpp"

namespace cginit {
namespace {

std::string content_of(const UniqueFd& file) {
    std::string text;
    std::array<char, 4096> buffer{};
    ::lseek(file.get(), 0, SEEK_SET);
    for (;;) {
        const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
        if (count <= 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

/// Without what clang's sanitizers say at their start where there is no /proc.
std::string without_runtime(const std::string& errors) {
    std::string text;
    for (const std::string& line : split(errors, '\n')) {
        if (line.find("==WARNING: reading executable name failed") == std::string::npos) {
            text += text.empty() ? line : "\n" + line;
        }
    }
    return text;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts) {
        pointers.push_back(const_cast<char*>(text.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

Finished run_program(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                     const std::function<void()>& before) {
    const UniqueFd output(::memfd_create("output", MFD_CLOEXEC));
    const UniqueFd errors(::memfd_create("errors", MFD_CLOEXEC));
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
        ::dup2(output.get(), 1);
        ::dup2(errors.get(), 2);
        if (before) {
            before();
        }
        ::execve(argv[0].c_str(), pointers_to(argv).data(), pointers_to(environment).data());
        ::_exit(99);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), content_of(output),
            without_runtime(content_of(errors))};
}

void refuse_call(long number, int errnum) {
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(errnum)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        ::_exit(98);
    }
}

void drop_capability(unsigned number) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> sets{};
    ::prctl(PR_CAPBSET_DROP, number);
    ::syscall(SYS_capget, &header, sets.data());
    __user_cap_data_struct& half = sets.at(number / 32U);
    const std::uint32_t kept = ~(1U << number % 32U);
    half.effective &= kept;
    half.permitted &= kept;
    half.inheritable &= kept;
    if (::syscall(SYS_capset, &header, sets.data()) != 0) {
        ::_exit(98);
    }
}

void drop_sys_admin() { drop_capability(CAP_SYS_ADMIN); }

void drop_sys_admin_for_good() {
    refuse_call(SYS_unshare, EPERM);
    drop_sys_admin();
}

void expect_error(const Finished& finished, int status, const std::vector<std::string>& parts) {
    EXPECT_EQ(finished.status, status) << finished.errors;
    EXPECT_EQ(finished.output, "");
    const std::vector<std::string> lines = split(finished.errors, '\n');
    const auto is_error = [](const std::string& line) { return line.starts_with("cginit: error: "); };
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(), is_error), 1) << finished.errors;
    for (const std::string& line : lines) {
        EXPECT_TRUE(line.empty() || is_error(line) || line.starts_with("cginit: warning: ")) << finished.errors;
    }
    for (const std::string& part : parts) {
        EXPECT_NE(finished.errors.find(part), std::string::npos) << "no \"" << part << "\" in " << finished.errors;
    }
}

}  // namespace cginit
