#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "cli/capture_report.hpp"
#include "cli/run_cginit.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"

namespace cginit {
namespace {

namespace fs = std::filesystem;

/// What the container's own PID 1 printed that is started so; its exit status is told on a line of its own.
std::string printed_by_init(const ContainerSpec& spec, const TestCgroups& cgroups, const Strings& argv) {
    const int output = ::memfd_create("output", MFD_CLOEXEC);
    EXPECT_EQ(run_private_container(spec, cgroups,
                                    [&] {
                                        write_text("/cginit-work/libsystemd-shared-252.so", "");
                                        std::vector<char*> arguments;
                                        for (const std::string& text : argv) {
                                            arguments.push_back(const_cast<char*>(text.c_str()));  // NOLINT
                                        }
                                        arguments.push_back(nullptr);
                                        ::dup2(output, 1);
                                        ::execve(argv[0].c_str(), arguments.data(), arguments.data() + argv.size());
                                        ADD_FAILURE() << "execve " << argv[0];
                                    }),
              0);
    std::string text = read_text(concat({"/proc/self/fd/", std::to_string(output)}));
    ::close(output);
    return text;
}

struct Shape {
    const char* name;
    ContainerSpec spec;
    Strings options = {};
};

std::vector<Shape> shapes() {
    std::vector<Shape> all = {
        {"v1", spec_of(EngineView::docker_v1)},
        {"hybrid", spec_of(EngineView::docker_hybrid)},
        {"v2", spec_of(EngineView::docker_v2)},
        {"private_v2", spec_of(EngineView::docker_v2), {"--writable=tracking"}},
        {"stacked", spec_of(EngineView::podman_stacked)},
        {"whole", spec_of(EngineView::whole_tree)},
        {"privileged", spec_of(EngineView::docker_hybrid), {"--method=bind"}},
        {"at_the_root", spec_of(EngineView::docker_v1), {"--layout=unified", "--allow-host-cgroup"}}};
    all[3].spec.private_cgroup_namespace = true;
    all[6].spec.privileged = true;
    all[7].spec.v2_at_host_root = true;
    all[7].spec.id = std::string(64, 'a');
    return all;
}

class CaptureOf : public testing::TestWithParam<Shape> {};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

INSTANTIATE_TEST_SUITE_P(Shapes, CaptureOf, testing::ValuesIn(shapes()),
                         [](const auto& instance) { return std::string(instance.param.name); });

/// The container's own PID 1 with systemd, of which everything counts: its version, /run and /tmp, the terminals.
TEST_P(CaptureOf, ReplaysAsThePlanOfTheContainer) {
    CGINIT_NEEDS_KERNEL();
    const TestCgroups cgroups;
    Strings dry_run{"/cginit"};
    dry_run.insert(dry_run.end(), GetParam().options.begin(), GetParam().options.end());
    Strings capture = dry_run;
    dry_run.insert(dry_run.end(), {"--dry-run", kSystemd, "argument"});
    capture.insert(capture.end(), {"--capture", "--", kSystemd, "argument"});
    const std::string plan = printed_by_init(GetParam().spec, cgroups, dry_run);
    const Report report(printed_by_init(GetParam().spec, cgroups, capture));
    const Finished replayed = report.replay(GetParam().options);
    EXPECT_EQ(replayed.status, 0) << replayed.errors;
    EXPECT_EQ(replayed.output, plan);
    EXPECT_NE(plan.find("init      systemd 252\n"), std::string::npos) << plan;
    EXPECT_TRUE(report.text("/cginit/facts").starts_with("pid 1\ninit systemd:252\ninit-file /cginit-work/systemd\n"));
    Strings options = GetParam().options;
    options.emplace_back("--init-traits=busybox");
    const Finished other = report.replay(options);
    EXPECT_NE(other.output.find("init      busybox\n"), std::string::npos) << "what is given counts more";
}

/// Every code span in the first column of the table of files, as a pattern: `...` is any path, `{a,b}` either.
std::vector<std::regex> documented_files() {
    std::vector<std::regex> patterns;
    const std::string page = read_text(std::string(CGINIT_SOURCE_DIR) + "/tests/captures/README.md");
    for (const std::string& line : split(page, '\n')) {
        if (!line.starts_with("| `")) {
            continue;
        }
        const Strings spans = split(line.substr(0, line.find(" | ", 2)), '`');
        for (std::size_t i = 1; i < spans.size(); i += 2) {
            std::string pattern;
            for (const char c : spans[i]) {
                pattern += c == '{' ? "(" : c == '}' ? ")" : c == ',' ? "|" : c == '.' ? "\\." : std::string(1, c);
            }
            pattern = std::regex_replace(pattern, std::regex(R"(\\\.\\\.\\\.)"), ".+");
            patterns.emplace_back(std::regex_replace(pattern, std::regex("N$"), "[0-9]+"));
        }
    }
    return patterns;
}

bool is_documented(const std::string& member) {
    static const std::vector<std::regex> kPatterns = documented_files();
    return std::any_of(kPatterns.begin(), kPatterns.end(),
                       [&](const std::regex& pattern) { return std::regex_match(member, pattern); });
}

TEST(CaptureContent, HoldsWhatIsDocumentedAndNothingSecret) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_TRUE(is_documented("proc/self/ns/mnt") && is_documented("sys/fs/cgroup/memory/a b/cgroup.procs"));
    EXPECT_FALSE(is_documented("proc/self/environ") || is_documented("proc/self/ns/net") || is_documented("run/x"));
    ContainerSpec spec = spec_of(EngineView::docker_hybrid);
    spec.privileged = true;
    spec.secret_below_run = true;
    const std::string archive = from_container(spec, [](const TestCgroups& cgroups) {
        write_text("/run/key", "planted-below-run");
        write_text("/tmp/key", "planted-below-tmp");
        const Strings before = container_facts(cgroups);
        const Finished finished = run_program(
            {"/cginit", "--capture", "--", "/bin/sh", "-c", "planted-in-arguments"},
            {"TOKEN=planted-in-environment", "CGINIT_LAYOUT=host", "CGINIT_KEEP_MOUNT=/planted-in-variable"});
        EXPECT_EQ(finished.status, 0);
        EXPECT_EQ(finished.errors, "");
        EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
        return finished.output;
    });
    EXPECT_EQ(archive.find("planted"), std::string::npos);
    const Report report(archive);
    for (const auto& [path, content] : report.files()) {
        EXPECT_TRUE(is_documented(path.substr(1))) << path;
    }
    for (const char* path : {"/dev/null", "/dev/tty0", "/dev/tty63", "/proc/self/ns/user", "/proc/self/uid_map",
                             "/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.events"}) {
        EXPECT_TRUE(report.files().contains(path)) << path;
    }
    EXPECT_FALSE(report.files().contains("/dev/tty")) << "no terminal of the host's";
    EXPECT_FALSE(report.files().contains("/dev/zero"));
    EXPECT_EQ(report.text("/sys/fs/cgroup/memory/cgroup.procs"), "");
    EXPECT_NE(report.text("/cginit/facts").find("place /tmp directory\n"), std::string::npos);
    const std::string& about = report.about();
    EXPECT_TRUE(std::regex_search(about, std::regex("^cginit [0-9.]+ --capture\nkernel [0-9]"))) << about;
    EXPECT_NE(about.find("\ninit another init, /"), std::string::npos) << about;
}

/// What cginit refuses is what reports are about: the same error comes out of the report.
TEST(CaptureContent, IsHadWhereCginitRefuses) {
    CGINIT_NEEDS_KERNEL();
    const auto cover_proc = [] {
        static_cast<void>(::unshare(CLONE_NEWNS));
        ::mount("none", "/proc", "tmpfs", 0, nullptr);
    };
    const auto show_foreign_proc = [cover_proc] {
        cover_proc();
        ::mkdir("/proc/1", 0755);
    };
    struct Refusal {
        const char* name;
        std::function<void()> before;
        const char* init;
        Strings parts;
    };
    for (const Refusal& refusal : std::vector<Refusal>{
             {"no capability", drop_sys_admin_for_good, kBusybox, {"no CAP_SYS_ADMIN"}},
             {"another user", [] { become(1000); }, kBusybox, {"CAP_SYS_ADMIN"}},
             {"not PID 1", {}, kSystemd, {"not PID 1", "leave out --init"}},
             {"no proc", cover_proc, kBusybox, {"open /proc/self/mountinfo", "cginit needs a proc file system"}},
             {"foreign proc", show_foreign_proc, kBusybox, {"another PID namespace's"}}}) {
        SCOPED_TRACE(refusal.name);
        std::string told;
        const std::string all = from_container(spec_of(EngineView::docker_v1), [&](const TestCgroups& /*cgroups*/) {
            const Finished dry_run = run_program({"/cginit", "--dry-run", refusal.init}, {}, refusal.before);
            expect_error(dry_run, 125, refusal.parts);
            const Finished capture = run_program({"/cginit", "--capture", "--", refusal.init}, {}, refusal.before);
            EXPECT_EQ(capture.status, 0) << capture.errors;
            return dry_run.errors + capture.output;
        });
        const std::size_t end = all.find('\n') + 1;
        const Finished replayed = Report(all.substr(end)).replay();
        EXPECT_EQ(replayed.status, 125);
        EXPECT_EQ(replayed.errors, all.substr(0, end));
    }
}

TEST(CaptureContent, IsHadWithoutAnInit) {
    CGINIT_NEEDS_KERNEL();
    const Report report(from_container(spec_of(EngineView::docker_v2), [](const TestCgroups& /*cgroups*/) {
        const Finished capture = run_program({"/cginit", "--capture", "--", "/no/such/init"});
        EXPECT_EQ(capture.status, 0) << capture.errors;
        return capture.output;
    }));
    EXPECT_NE(report.about().find("not complete: /no/such/init: No such file"), std::string::npos);
    EXPECT_NE(report.replay({"--init-traits=busybox"}).output.find("init      busybox\n"), std::string::npos);
}

/// For containers in which cginit does not start: any shell, here those that there are, and busybox's.
TEST(CaptureScript, ReplaysLikeTheCaptureOfTheBinary) {
    CGINIT_NEEDS_KERNEL();
    const auto plan_and_report = [](const Strings& options, const Strings& shell, const std::string& path) {
        return [=](const TestCgroups& /*cgroups*/) {
            fs::create_directory("/cginit-work/bin");
            EXPECT_EQ(run_program({kBusybox, "--install", "-s", "/cginit-work/bin"}).status, 0);
            Strings argv{"/cginit", "--dry-run"};
            argv.insert(argv.end(), options.begin(), options.end());
            argv.emplace_back(kBusybox);
            const Finished dry_run = run_program(argv);
            EXPECT_EQ(dry_run.status, 0) << dry_run.errors;
            argv = shell;
            argv.emplace_back("/cginit-work/capture.sh");
            const Finished script = run_program(argv, {"PATH=" + path});
            EXPECT_EQ(script.status, 0) << script.errors;
            EXPECT_EQ(script.errors, "");
            return dry_run.output + '\0' + script.output;
        };
    };
    const std::vector<std::pair<Strings, std::string>> shells{{{"/bin/sh"}, "/usr/bin:/bin"},
                                                              {{kBusybox, "sh"}, "/cginit-work/bin"}};
    for (const Shape& shape : shapes()) {
        for (const auto& [shell, path] : shells) {
            SCOPED_TRACE(concat({shape.name, ", ", join(shell, " ")}));
            Strings options = shape.options;
            options.emplace_back("--tmpfs=/run,/tmp");
            const std::string all = from_container(shape.spec, plan_and_report(options, shell, path));
            const std::size_t end = all.find('\0');
            ASSERT_NE(end, std::string::npos);
            options.emplace_back("--init-traits=busybox");
            const Report report(all.substr(end + 1));
            const Finished replayed = report.replay(options);
            EXPECT_EQ(replayed.errors, "");
            EXPECT_EQ(replayed.output, all.substr(0, end));
            EXPECT_TRUE(report.files().contains("/dev/null"));
            EXPECT_TRUE(!shape.spec.privileged || report.files().contains("/dev/tty63"));
        }
    }
}

}  // namespace
}  // namespace cginit
