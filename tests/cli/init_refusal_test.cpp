#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "cli/refusals.hpp"
#include "core/text.hpp"

// Inits that cannot be executed, or of which it cannot be told what they need.

namespace cginit {
namespace {

TEST(Refusal, InitThatCannotBeExecuted) {
    CGINIT_NEEDS_KERNEL();
    expect_refusals(
        container_for_cginit(EngineView::docker_v1),
        {{"missing", {"/no/such/init"}, {}, {}, 127, {"/no/such/init: No such file or directory"}},
         {"not in PATH",
          {"no-such-init"},
          {"PATH=/usr/bin"},
          {},
          127,
          {"no-such-init: not found in PATH", "cginit /sbin/init"}},
         {"directory", {"/usr"}, {}, {}, 126, {"/usr: Is a directory"}},
         {"not executable", {"/cginit-work/plain"}, {}, {}, 126, {"/cginit-work/plain is not executable"}},
         {"foreign", {"/cginit-work/foreign"}, {}, {}, 126, {"ELF file for another machine"}},
         {"neither ELF nor script", {"/cginit-work/text"}, {}, {}, 126, {"Exec format error"}},
         {"interpreter missing", {"/cginit-work/script"}, {}, {}, 127, {"/no/such/shell: No such file or directory"}},
         {"loader missing", {"/cginit-work/loader"}, {}, {}, 127, {"/no/such/loader.so, which does not exist"}},
         {"device", {"/dev/null"}, {}, {}, 126, {"/dev/null is not a regular file"}}});
}

std::function<void()> linked(const std::string& target, const std::string& link) {
    return [target, link] { std::filesystem::create_symlink(target, link); };
}

/// A program of the machine's that no container has: its /run is its own.
class OutsideProgram {
public:
    OutsideProgram() { std::filesystem::copy_file(CGINIT_SHOW_PROCESS, path_); }
    OutsideProgram(const OutsideProgram&) = delete;
    OutsideProgram& operator=(const OutsideProgram&) = delete;
    ~OutsideProgram() { ::unlink(path_.c_str()); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ = concat({"/run/cginit-test-", std::to_string(::getpid())});
};

/// `..` does not lead out of a root, neither in a name nor in a link.
TEST(Refusal, InitThatIsNowhereInTheContainer) {
    CGINIT_NEEDS_KERNEL();
    const OutsideProgram program;
    const std::string outside = concat({"/../..", program.path()});
    expect_refusals(container_for_cginit(EngineView::docker_v1),
                    {{"loop",
                      {"/cginit-work/loop"},
                      {},
                      linked("loop", "/cginit-work/loop"),
                      126,
                      {"/cginit-work/loop: Too many levels of symbolic links"}},
                     {"outside", {outside}, {}, {}, 127, {concat({outside, ": No such file or directory"})}},
                     {"link to outside",
                      {"/cginit-work/link"},
                      {},
                      linked(concat({"..", outside}), "/cginit-work/link"),
                      127,
                      {"/cginit-work/link: No such file or directory"}}});
}

/// systemd has to be PID 1: here of namespaces of its own, whose /proc tells of it.
void become_pid1() {
    if (::unshare(CLONE_NEWNS | CLONE_NEWPID) != 0) {
        ::_exit(97);
    }
    const pid_t child = ::fork();
    if (child != 0) {
        ::_exit(status_of(child));
    }
    ::mount("proc", "/proc", "proc", 0, nullptr);
}

/// The machine may have a systemd, which would be taken for this one.
void hide_libraries() {
    become_pid1();
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib")) {
        const std::filesystem::path below = entry.path() / "systemd";
        const bool place = entry.path().filename() == "systemd";
        if (place || std::filesystem::is_directory(below)) {
            ::mount("none", (place ? entry.path() : below).c_str(), "tmpfs", 0, nullptr);
        }
    }
}

/// A systemd with two libraries beside it.
void install_two_versions() {
    become_pid1();
    std::filesystem::create_directory("/cginit-work/two");
    std::filesystem::copy_file(kShowInit, "/cginit-work/two/systemd");
    write_text("/cginit-work/two/libsystemd-shared-257.so", "");
    write_text("/cginit-work/two/libsystemd-shared-258.so", "");
}

/// A wrong guess does not boot: refused where the layout depends on it, and nothing is tried.
TEST(Refusal, SystemdWhoseVersionCannotBeTold) {
    CGINIT_NEEDS_KERNEL();
    const char* const untold = "the version of this systemd cannot be told (";
    const char* const cure = "say --layout=host for systemd 257 or older, --layout=unified for 258 or newer";
    for (const EngineView view : {EngineView::docker_v1, EngineView::docker_hybrid}) {
        expect_refusals(container_for_cginit(view),
                        {{"no library",
                          {"/cginit-work/systemd"},
                          {},
                          hide_libraries,
                          125,
                          {untold, "there is no libsystemd-shared, and /cginit-work/systemd names no older one", cure}},
                         {"two libraries",
                          {"/cginit-work/two/systemd"},
                          {},
                          install_two_versions,
                          125,
                          {untold, "there is a libsystemd-shared of each of 257, 258", cure}}});
    }
}

}  // namespace
}  // namespace cginit
