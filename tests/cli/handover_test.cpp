#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "cli/run_cginit.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kInit = "/cginit-work/show";
/// No process has the highest number of a pidfd.
const char* const kAnothers = "LISTEN_PIDFDID=18446744073709551615";
const Strings kEnvironment{"PATH=/usr/bin",          "EMPTY=",       "LISTEN_FDS=2",
                           "CGINIT_LOG_LEVEL=error", "ODD=a b\tc=d", kAnothers};

/// All that a process hands on and that is not as usual; descriptors 3 and 4 are $LISTEN_FDS, 7 and 700 are leaks.
void be_unusual() {
    for (const int fd : {3, 4, 7, 700}) {
        ::dup2(1, fd);
    }
    ASSERT_EQ(::chdir("/usr"), 0);
    ::umask(027);
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::sigaddset(&blocked, SIGRTMIN + 2);
    ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    const rlimit files{777, 888};
    const rlimit core{0, 0};
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::setrlimit(RLIMIT_CORE, &core);
    ::setpriority(PRIO_PROCESS, 0, 3);
    write_text("/proc/self/oom_score_adj", "77");
    ::alarm(1000);
}

/// What PID 1 of a container finds that is started with this command line.
Strings process_after(const ContainerSpec& spec, const Strings& argv) {
    const int output = ::memfd_create("output", MFD_CLOEXEC);
    {
        const TestCgroups cgroups;
        EXPECT_EQ(run_private_container(spec, cgroups,
                                        [&] {
                                            ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
                                            ::dup2(output, 1);
                                            be_unusual();
                                            std::vector<char*> arguments;
                                            std::vector<char*> environment;
                                            for (const std::string& text : argv) {
                                                arguments.push_back(const_cast<char*>(text.c_str()));  // NOLINT
                                            }
                                            for (const std::string& text : kEnvironment) {
                                                environment.push_back(const_cast<char*>(text.c_str()));  // NOLINT
                                            }
                                            arguments.push_back(nullptr);
                                            environment.push_back(nullptr);
                                            ::execve(argv[0].c_str(), arguments.data(), environment.data());
                                            ADD_FAILURE() << "execve " << argv[0];
                                        }),
                  0);
    }
    Strings lines = split(read_text(concat({"/proc/self/fd/", std::to_string(output)})), '\n');
    ::close(output);
    return lines;
}

Strings only(const Strings& lines, const std::string& prefix, bool wanted) {
    Strings found;
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(found),
                 [&](const std::string& line) { return line.starts_with(prefix) == wanted; });
    return found;
}

struct Way {
    const char* name;
    EngineView view;
    bool private_cgroup_namespace;
    Strings options;
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class Handover : public testing::TestWithParam<Way> {};

INSTANTIATE_TEST_SUITE_P(
    Ways, Handover,
    testing::Values(Way{"namespace", EngineView::docker_v1, false, {"--method=namespace"}},
                    Way{"bind", EngineView::docker_v1, false, {"--method=bind"}},
                    Way{"unified", EngineView::docker_v2, false, {}},
                    Way{"remount", EngineView::docker_v2, true, {"--method=remount", "--inner=never"}},
                    Way{"hybrid", EngineView::docker_hybrid, true, {}}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST_P(Handover, LeavesTheProcessAsItWas) {
    CGINIT_NEEDS_KERNEL();
    ContainerSpec spec{.name = GetParam().name, .view = GetParam().view};
    spec.private_cgroup_namespace = GetParam().private_cgroup_namespace;
    spec.copies = {{CGINIT_BINARY, "/cginit"}, {CGINIT_SHOW_PROCESS, kInit}};
    const Strings init{kInit, "--option", "", "a b", "--"};
    Strings through{"/cginit"};
    through.insert(through.end(), GetParam().options.begin(), GetParam().options.end());
    through.insert(through.end(), init.begin(), init.end());

    const Strings plain = process_after(spec, init);
    const Strings handed = process_after(spec, through);
    ASSERT_GT(plain.size(), 50U);
    EXPECT_NE(std::find(plain.begin(), plain.end(), "status: Pid:\t1"), plain.end());
    EXPECT_NE(std::find(plain.begin(), plain.end(), "umask 027"), plain.end());

    const auto rest = [](const Strings& lines) { return only(only(lines, "env ", false), "fd ", false); };
    EXPECT_EQ(join(rest(handed), "\n"), join(rest(plain), "\n"));
    Strings environment = only(plain, "env ", true);
    EXPECT_EQ(std::erase(environment, concat({"env ", kAnothers})), 1U);
    environment.emplace_back("env container=oci");
    EXPECT_EQ(only(handed, "env ", true), environment);

    // The caller of the test may have leaked some of its own.
    const Strings all = only(plain, "fd ", true);
    EXPECT_FALSE(only(all, "fd 7 ", true).empty());
    EXPECT_FALSE(only(all, "fd 700 ", true).empty());
    Strings allowed;
    for (const char* fd : {"fd 0 ", "fd 1 ", "fd 2 ", "fd 3 ", "fd 4 "}) {
        const Strings one = only(all, fd, true);
        allowed.insert(allowed.end(), one.begin(), one.end());
    }
    EXPECT_EQ(allowed.size(), 5U);
    EXPECT_EQ(join(only(handed, "fd ", true), "\n"), join(allowed, "\n"));
}

}  // namespace
}  // namespace cginit
