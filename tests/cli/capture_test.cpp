#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "cli/run_cginit.hpp"
#include "core/capture_text.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"
#include "unit/temp_root.hpp"

namespace cginit {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr const char* kSystemd = "/cginit-work/systemd";
constexpr const char* kBusybox = "/usr/bin/busybox";

void become(uid_t user) {
    static_cast<void>(::setgroups(0, nullptr));
    if (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) {
        ::_exit(98);
    }
}

void become_nobody() {
    constexpr uid_t kNobody = 65534;
    become(kNobody);
}

/// A report as whoever gets it reads it: without privileges, on a machine that has nothing to do with it.
class Report {
public:
    explicit Report(const std::string& text) {
        root_.file("/report", text);
        fs::copy_file(CGINIT_BINARY, root_.path() + "/cginit");
        fs::permissions(root_.path(), fs::perms(0755));
        Result<cginit::Capture> capture = parse_capture_text(text, "report");
        EXPECT_TRUE(capture) << capture.error().message();
        capture_ = capture ? std::move(*capture) : cginit::Capture{};
    }
    [[nodiscard]] const std::string& about() const { return capture_.about; }
    [[nodiscard]] const Files& files() const { return capture_.files; }
    [[nodiscard]] std::string text(const std::string& path) const {
        const auto file = capture_.files.find(path);
        return file == capture_.files.end() ? concat({"no ", path}) : file->second;
    }
    [[nodiscard]] Finished replay(const Strings& options = {}) const {
        Strings argv{root_.path() + "/cginit", "--root=" + root_.path() + "/report", "--dry-run"};
        argv.insert(argv.end(), options.begin(), options.end());
        return run_program(argv, {}, become_nobody);
    }

private:
    TempRoot root_;
    cginit::Capture capture_;
};

ContainerSpec spec_of(EngineView view) {
    ContainerSpec spec{.name = "capture", .view = view};
    spec.copies = {{CGINIT_BINARY, "/cginit"},
                   {CGINIT_SHOW_PROCESS, kSystemd},
                   {std::string(CGINIT_SOURCE_DIR) + "/examples/capture.sh", "/cginit-work/capture.sh"}};
    return spec;
}

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

/// In one container, as a process of it that is not PID 1.
void in_container(const ContainerSpec& spec, const std::function<void(const TestCgroups&)>& body) {
    const TestCgroups cgroups;
    EXPECT_EQ(run_private_container(spec, cgroups, [&] { body(cgroups); }), 0);
}

/// A container's root has no place for a report.
std::string from_container(const ContainerSpec& spec, const std::function<std::string(const TestCgroups&)>& body) {
    const int output = ::memfd_create("output", MFD_CLOEXEC);
    const std::string path = concat({"/proc/self/fd/", std::to_string(output)});
    in_container(spec, [&](const TestCgroups& cgroups) {
        const std::string text = body(cgroups);
        EXPECT_EQ(::pwrite(output, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    });
    std::string text = read_text(path);
    ::close(output);
    return text;
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

TEST(CaptureFile, GivesWayToNothingButACapture) {
    CGINIT_NEEDS_KERNEL();
    in_container(spec_of(EngineView::docker_v2), [](const TestCgroups& cgroups) {
        const auto capture = [](const std::string& file, const std::function<void()>& before = {}) {
            return run_program({"/cginit", concat({"--capture=", file}), kBusybox}, {}, before);
        };
        const std::string report = "/cginit-work/report";
        const Finished written = capture(report);
        EXPECT_EQ(written.status, 0) << written.errors;
        EXPECT_EQ(written.output + written.errors, "");
        const std::string content = read_text(report);
        EXPECT_TRUE(parse_capture_text(content, report));
        const Strings before = container_facts(cgroups);
        const std::string cure = "name a file that is not there, or is a capture to which nothing was added";
        expect_error(capture("/usr/report"), 125, {"create /usr/report: Read-only file system"});
        expect_error(capture("/report", [] { become(1000); }), 125, {"create /report: Permission denied"});
        expect_error(capture("/dev/null"), 125, {"create /dev/null: File exists", cure});
        const std::size_t first = content.find('\n') + 1;
        for (const std::string& other :
             {std::string(), std::string("cginit is mentioned\n-- cginit/facts --\n-- end --\n"), content + "thanks\n",
              content.substr(0, first) + "It does not start.\n" + content.substr(first)}) {
            write_text("/cginit-work/other", other);
            expect_error(capture("/cginit-work/other"), 125, {"create /cginit-work/other: File exists", cure});
            EXPECT_EQ(read_text("/cginit-work/other"), other);
        }
        fs::create_symlink("report", "/cginit-work/link");
        expect_error(capture("/cginit-work/link"), 125, {"create /cginit-work/link: File exists"});
        EXPECT_EQ(read_text(report), content);
        write_text(report + ".new", "");
        expect_error(capture(report), 125,
                     {"create /cginit-work/report.new: File exists", "remove /cginit-work/report.new"});
        fs::remove(report + ".new");
        ASSERT_EQ(::chown(report.c_str(), 1000, 1001) + ::chmod(report.c_str(), 0600), 0);
        EXPECT_EQ(capture(report).status, 0);
        struct stat status {};
        ASSERT_EQ(::lstat(report.c_str(), &status), 0);
        EXPECT_TRUE(status.st_uid == 1000 && status.st_gid == 1001 && (status.st_mode & 07777) == 0600);
        EXPECT_TRUE(read_text(report).starts_with(content.substr(0, content.find("pid ")))) << "a new one in its place";
        EXPECT_NE(read_text(report), content);
        EXPECT_FALSE(fs::exists(report + ".new"));
        EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
    });
}

/// The image names the init, and a report is read by others.
TEST(CaptureFile, NoNameBreaksTheReport) {
    CGINIT_NEEDS_KERNEL();
    const std::string text = from_container(spec_of(EngineView::docker_v2), [](const TestCgroups& /*cgroups*/) {
        const std::string name = "/cginit-work/i\n-- end --\n\033[31mRED";
        fs::copy_file(kBusybox, name);
        fs::create_symlink(name, "/cginit-work/init");
        const Finished capture = run_program({"/cginit", "--capture", "--", "/cginit-work/init"});
        EXPECT_EQ(capture.status, 0) << capture.errors;
        return capture.output;
    });
    EXPECT_EQ(text.find('\033'), std::string::npos);
    const Report report(text);
    EXPECT_NE(report.about().find("i\\012-- end --\\012\\033[31mRED\n"), std::string::npos) << report.about();
    EXPECT_TRUE(report.files().contains("/proc/self/mountinfo"));
    EXPECT_EQ(report.replay().status, 0);
}

TEST(CaptureFile, StandardOutputIsTheDefault) {
    CGINIT_NEEDS_KERNEL();
    in_container(spec_of(EngineView::docker_v2), [](const TestCgroups& /*cgroups*/) {
        const auto capture = [](const Strings& words, const std::function<void()>& before = {}) {
            Strings argv{"/cginit"};
            argv.insert(argv.end(), words.begin(), words.end());
            return run_program(argv, {}, before);
        };
        EXPECT_EQ(capture({"--capture"}).output.substr(0, 7), "cginit ");
        EXPECT_EQ(capture({"--capture=-"}).output.substr(0, 7), "cginit ");
        const auto send_to = [](const char* path) {
            return [path] { ::dup2(::open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC), 1); };
        };
        expect_error(capture({"--capture"}, send_to("/dev/full")), 125,
                     {"write to standard output: No space left on device"});
        expect_error(capture({"--capture"}, [] { ::close(1); }), 125,
                     {"write to standard output: Bad file descriptor"});
        // As it was written before.
        for (const Strings& words : {Strings{"--capture", "/cginit-work/report"}, {"--capture", "-", kBusybox}}) {
            expect_error(capture(words), 125, {"--capture takes no word after it", concat({"--capture=", words[1]})});
        }
        EXPECT_FALSE(fs::exists("/cginit-work/report"));
    });
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
