// What --capture writes to: standard output, or a file that gives way to nothing but a capture.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "cli/capture_report.hpp"
#include "cli/run_cginit.hpp"
#include "core/capture_text.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/contract.hpp"

namespace cginit {
namespace {

namespace fs = std::filesystem;

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

}  // namespace
}  // namespace cginit
