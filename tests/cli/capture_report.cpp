#include "cli/capture_report.hpp"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>

#include "core/text.hpp"

namespace cginit {
namespace {

namespace fs = std::filesystem;

void become_nobody() {
    constexpr uid_t kNobody = 65534;
    become(kNobody);
}

}  // namespace

void become(uid_t user) {
    static_cast<void>(::setgroups(0, nullptr));
    if (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) {
        ::_exit(98);
    }
}

Report::Report(const std::string& text) {
    root_.file("/report", text);
    fs::copy_file(CGINIT_BINARY, root_.path() + "/cginit");
    fs::permissions(root_.path(), fs::perms(0755));
    Result<cginit::Capture> capture = parse_capture_text(text, "report");
    EXPECT_TRUE(capture) << capture.error().message();
    capture_ = capture ? std::move(*capture) : cginit::Capture{};
}

std::string Report::text(const std::string& path) const {
    const auto file = capture_.files.find(path);
    return file == capture_.files.end() ? concat({"no ", path}) : file->second;
}

Finished Report::replay(const Strings& options) const {
    Strings argv{root_.path() + "/cginit", "--root=" + root_.path() + "/report", "--dry-run"};
    argv.insert(argv.end(), options.begin(), options.end());
    return run_program(argv, {}, become_nobody);
}

ContainerSpec spec_of(EngineView view) {
    ContainerSpec spec{.name = "capture", .view = view};
    spec.copies = {{CGINIT_BINARY, "/cginit"},
                   {CGINIT_SHOW_PROCESS, kSystemd},
                   {std::string(CGINIT_SOURCE_DIR) + "/examples/capture.sh", "/cginit-work/capture.sh"}};
    return spec;
}

void in_container(const ContainerSpec& spec, const std::function<void(const TestCgroups&)>& body) {
    const TestCgroups cgroups;
    EXPECT_EQ(run_private_container(spec, cgroups, [&] { body(cgroups); }), 0);
}

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

}  // namespace cginit
