#include "apply/linux/kernel_linux.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "apply/linux/execute.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "core/unique_fd.hpp"
#include "kernel/support/container.hpp"
#include "read/mountinfo.hpp"

namespace cginit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPlace = "/cginit-work";

std::string in_place(const std::string& name) { return join_path(kPlace, name); }

MountTable table() { return parse_mountinfo(read_text("/proc/self/mountinfo"), "mountinfo").value(); }

MountEntry mount_at(const std::string& point) {
    const MountTable mounts = table();
    const MountEntry* found = visible_mount_at(mounts, point);
    EXPECT_NE(found, nullptr) << point;
    return found == nullptr ? MountEntry{} : *found;
}

/// Runs `body` as PID 1 of a container that sees the machine's whole tree, below which its own cgroups are.
void in_container(const std::function<void(const TestCgroups&)>& body) {
    const TestCgroups cgroups;
    const ContainerSpec spec{.name = "verbs", .view = EngineView::whole_tree};
    EXPECT_EQ(run_private_container(spec, cgroups, [&] { body(cgroups); }), 0);
}

void succeeds(KernelLinux& kernel, const Op& op) {
    const Result<Outcome> outcome = kernel.perform(op);
    EXPECT_TRUE(outcome) << describe(op) << ": " << (outcome ? "" : outcome.error().message());
}

/// The errno and the innermost frame, which names call and path.
void fails(KernelLinux& kernel, const Op& op, int errnum, const std::string& frame) {
    const Result<Outcome> outcome = kernel.perform(op);
    ASSERT_FALSE(outcome) << describe(op);
    EXPECT_EQ(errno_text(outcome.error().errnum), errno_text(errnum)) << describe(op);
    EXPECT_EQ(outcome.error().frames.back(), frame) << describe(op);
}

void mounts_succeed() {
    KernelLinux kernel;
    for (const char* name : {"a", "b", "c", "d"}) {
        succeeds(kernel, MakeDirectory{in_place(name)});
    }
    const MountFlags flags{.nosuid = true, .nodev = true, .noexec = true, .atime = "relatime"};
    succeeds(kernel, MountFilesystem{"tmpfs", in_place("a"), "mode=700,size=64k", flags});
    EXPECT_EQ(mount_at(in_place("a")).source, kMountSource);
    EXPECT_EQ(mount_at(in_place("a")).flags, flags);
    EXPECT_NE(mount_at(in_place("a")).super_options.find("mode=700"), std::string::npos);

    MountFlags sealed = flags;
    sealed.read_only = true;
    succeeds(kernel, RemountBind{in_place("a"), sealed});
    EXPECT_EQ(mount_at(in_place("a")).flags, sealed);
    // A bind of a read-only mount is read-only; the superblock stays writable.
    succeeds(kernel, BindMount{in_place("a"), in_place("b")});
    EXPECT_TRUE(mount_at(in_place("b")).flags.read_only);
    succeeds(kernel, RemountBind{in_place("b"), {.atime = "noatime"}});
    EXPECT_EQ(mount_at(in_place("b")).flags, (MountFlags{.atime = "noatime"}));
    EXPECT_TRUE(mount_at(in_place("a")).flags.read_only);
    succeeds(kernel, MakeDirectory{in_place("b/x")});

    succeeds(kernel, MountFilesystem{"tmpfs", in_place("b/x"), "", {}});
    succeeds(kernel, BindMount{in_place("b"), in_place("c")});
    EXPECT_EQ(visible_mount_at(table(), in_place("c/x")), nullptr);
    succeeds(kernel, MakeDirectory{in_place("e")});
    succeeds(kernel, MoveMount{in_place("b"), in_place("e")});
    EXPECT_NE(visible_mount_at(table(), in_place("e/x")), nullptr);
    EXPECT_EQ(visible_mount_at(table(), in_place("b")), nullptr);

    succeeds(kernel, SetPropagation{in_place("e"), PropagationType::shared});
    EXPECT_NE(mount_at(in_place("e")).propagation.shared, 0U);
    EXPECT_EQ(mount_at(in_place("e/x")).propagation.shared, 0U) << "not recursive";
    succeeds(kernel, BindMount{in_place("e"), in_place("d")});
    succeeds(kernel, SetPropagation{in_place("d"), PropagationType::slave});
    EXPECT_NE(mount_at(in_place("d")).propagation.master, 0U);
    succeeds(kernel, SetPropagation{in_place("d"), PropagationType::private_});
    EXPECT_EQ(mount_at(in_place("d")).propagation, Propagation{});
    succeeds(kernel, SetPropagation{in_place("e"), PropagationType::shared, true});
    EXPECT_NE(mount_at(in_place("e/x")).propagation.shared, 0U);
    succeeds(kernel, SetPropagation{in_place("e"), PropagationType::private_, true});
    EXPECT_EQ(mount_at(in_place("e/x")).propagation, Propagation{});

    // A busy mount goes all the same, with what is below.
    const int busy = ::open(in_place("e/x").c_str(), O_RDONLY | O_CLOEXEC);
    succeeds(kernel, DetachMount{in_place("e")});
    EXPECT_EQ(visible_mount_at(table(), in_place("e/x")), nullptr);
    ::close(busy);
}

TEST(KernelLinux, MountVerbsSucceed) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) { mounts_succeed(); });
}

void mounts_fail() {
    KernelLinux kernel;
    const std::string plain = in_place("plain");
    const std::string missing = in_place("missing");
    succeeds(kernel, MakeDirectory{plain});
    fails(kernel, MountFilesystem{"tmpfs", missing, "", {}}, ENOENT, "mount(tmpfs) " + missing);
    fails(kernel, MountFilesystem{"nosuchfs", plain, "", {}}, ENODEV, "mount(nosuchfs) " + plain);
    fails(kernel, MountFilesystem{"tmpfs", plain, "nonsense=1", {}}, EINVAL, "mount(tmpfs) " + plain);
    fails(kernel, BindMount{missing, plain}, ENOENT, concat({"mount(MS_BIND) ", missing, " to ", plain}));
    fails(kernel, RemountBind{plain, {}}, EINVAL, "mount(MS_REMOUNT|MS_BIND) " + plain);
    fails(kernel, MoveMount{plain, "/proc/driver"}, EINVAL, concat({"mount(MS_MOVE) ", plain, " to /proc/driver"}));
    fails(kernel, SetPropagation{plain, PropagationType::private_}, EINVAL, "mount(MS_PRIVATE) " + plain);
    fails(kernel, DetachMount{plain}, EINVAL, "umount2(MNT_DETACH) " + plain);
    fails(kernel, DetachMount{missing}, ENOENT, "umount2(MNT_DETACH) " + missing);
    // Through a symlink somebody else's mount would go.
    succeeds(kernel, MakeSymlink{"/proc", in_place("link")});
    fails(kernel, DetachMount{in_place("link")}, EINVAL, "umount2(MNT_DETACH) " + in_place("link"));
    // Out of a shared parent.
    succeeds(kernel, MountFilesystem{"tmpfs", plain, "", {}});
    succeeds(kernel, MakeDirectory{join_path(plain, "x")});
    succeeds(kernel, MountFilesystem{"tmpfs", join_path(plain, "x"), "", {}});
    succeeds(kernel, SetPropagation{plain, PropagationType::shared});
    fails(kernel, MoveMount{join_path(plain, "x"), "/proc/driver"}, EINVAL,
          concat({"mount(MS_MOVE) ", plain, "/x to /proc/driver"}));
}

TEST(KernelLinux, MountVerbsFail) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) { mounts_fail(); });
}

void directories() {
    KernelLinux kernel;
    const std::string made = in_place("made");
    succeeds(kernel, MakeDirectory{made});
    fails(kernel, MakeDirectory{made}, EEXIST, "mkdir " + made);
    fails(kernel, MakeDirectory{in_place("no/parent")}, ENOENT, "mkdir " + in_place("no/parent"));
    fails(kernel, MakeDirectory{"/usr/made"}, EROFS, "mkdir /usr/made");
    succeeds(kernel, MakeSymlink{"cpu,cpuacct", in_place("cpu")});
    EXPECT_EQ(fs::read_symlink(in_place("cpu")), "cpu,cpuacct");
    fails(kernel, MakeSymlink{"cpu,cpuacct", in_place("cpu")}, EEXIST, "symlink " + in_place("cpu"));

    write_text(in_place("file"), "text");
    succeeds(kernel, MakeMountPoint{in_place("file"), in_place("p/q/file")});
    EXPECT_TRUE(fs::is_regular_file(in_place("p/q/file")));
    EXPECT_EQ(read_text(in_place("p/q/file")), "");
    succeeds(kernel, MakeMountPoint{made, in_place("p/r/directory")});
    EXPECT_TRUE(fs::is_directory(in_place("p/r/directory")));
    succeeds(kernel, BindMount{in_place("file"), in_place("p/q/file")});
    EXPECT_EQ(read_text(in_place("p/q/file")), "text");
    fails(kernel, MakeMountPoint{in_place("file"), in_place("p/q/file")}, EEXIST, "create " + in_place("p/q/file"));
    fails(kernel, MakeMountPoint{in_place("missing"), in_place("m")}, ENOENT, "lstat " + in_place("missing"));
}

struct Owned {
    unsigned mode;
    uid_t owner;
    gid_t group;
    bool operator==(const Owned&) const = default;
};

Owned owned(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return {status.st_mode & 07777U, status.st_uid, status.st_gid};
}

/// A secret below a directory that is closed to others does not become readable.
void parents_are_copied() {
    KernelLinux kernel;
    fs::create_directories(in_place("from/closed/deep"));
    write_text(in_place("from/closed/deep/secret"), "");
    ASSERT_EQ(::chown(in_place("from/closed").c_str(), 12, 34), 0);
    ASSERT_EQ(::chmod(in_place("from/closed").c_str(), 02710), 0);
    ASSERT_EQ(::chmod(in_place("from/closed/deep").c_str(), 0700), 0);
    succeeds(kernel, MakeDirectory{in_place("to")});
    succeeds(kernel, MakeMountPoint{in_place("from/closed/deep/secret"), in_place("to/closed/deep/secret")});
    for (const char* name : {"closed", "closed/deep"}) {
        EXPECT_EQ(owned(join_path(in_place("to"), name)), owned(join_path(in_place("from"), name))) << name;
    }
}

/// What is made has the mode that is meant, whatever umask the image gave; and the init has that again.
void umask_is_held(const std::string& own) {
    KernelLinux kernel;
    ::umask(0777);
    succeeds(kernel, HoldUmask{});
    succeeds(kernel, MakeDirectory{in_place("made")});
    succeeds(kernel, MakeCgroup{join_path(own, "made")});
    EXPECT_EQ(owned(in_place("made")).mode, 0755U);
    EXPECT_EQ(owned(join_path(own, "made")).mode, 0755U);
    succeeds(kernel, ReleaseUmask{});
    EXPECT_EQ(::umask(0022), 0777U);
    succeeds(kernel, ReleaseUmask{});
    EXPECT_EQ(::umask(0022), 0777U) << "as it was, each time";
    KernelLinux other;
    succeeds(other, ReleaseUmask{});
    EXPECT_EQ(::umask(0022), 0022U) << "nothing was held";
}

void whiteouts() {
    KernelLinux kernel;
    for (const char* name : {"lower", "layer", "layer/upper", "layer/work", "merged"}) {
        succeeds(kernel, MakeDirectory{in_place(name)});
    }
    write_text(in_place("lower/hidden"), "");
    write_text(in_place("lower/seen"), "");
    succeeds(kernel, MakeWhiteout{in_place("layer/upper/hidden")});
    fails(kernel, MakeWhiteout{in_place("layer/upper/hidden")}, EEXIST, "mknod " + in_place("layer/upper/hidden"));
    const std::string options = concat(
        {"lowerdir=", in_place("lower"), ",upperdir=", in_place("layer/upper"), ",workdir=", in_place("layer/work")});
    succeeds(kernel, MountFilesystem{"overlay", in_place("merged"), options, {.nosuid = true}});
    EXPECT_TRUE(fs::exists(in_place("merged/seen")));
    EXPECT_FALSE(fs::exists(in_place("merged/hidden")));
}

TEST(KernelLinux, WhiteoutsHide) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) { whiteouts(); });
}

TEST(KernelLinux, DirectoryVerbs) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) { directories(); });
    in_container([](const TestCgroups&) { parents_are_copied(); });
}

TEST(KernelLinux, UmaskIsHeld) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups& cgroups) { umask_is_held("/sys/fs/cgroup/memory" + cgroups.path()); });
}

void namespaces(const TestCgroups& cgroups) {
    KernelLinux kernel;
    const auto now = [] { return fs::read_symlink("/proc/self/ns/cgroup").string(); };
    const std::string first = now();
    fails(kernel, RestoreCgroupNamespace{}, 0, "no cgroup namespace was left");
    succeeds(kernel, UnshareCgroupNamespace{});
    const std::string second = now();
    EXPECT_NE(second, first);
    EXPECT_EQ(read_text("/proc/self/cgroup").find(cgroups.path()), std::string::npos);
    succeeds(kernel, UnshareCgroupNamespace{});
    succeeds(kernel, RestoreCgroupNamespace{});
    EXPECT_EQ(now(), second);
    succeeds(kernel, RestoreCgroupNamespace{});
    EXPECT_EQ(now(), first);
    EXPECT_NE(read_text("/proc/self/cgroup").find(cgroups.path()), std::string::npos);
}

TEST(KernelLinux, CgroupNamespaceVerbs) {
    CGINIT_NEEDS_KERNEL();
    in_container(namespaces);
}

void descriptors() {
    KernelLinux kernel;
    ASSERT_EQ(::dup2(1, 40), 40);
    ASSERT_EQ(::dup2(1, 41), 41);
    ASSERT_EQ(::dup2(1, 900), 900);
    succeeds(kernel, CloseDescriptors{41});
    EXPECT_EQ(::fcntl(40, F_GETFD), 0);
    EXPECT_EQ(::fcntl(41, F_GETFD), -1);
    EXPECT_EQ(::fcntl(900, F_GETFD), -1);
    EXPECT_NE(::fcntl(0, F_GETFD), -1);
}

void programs() {
    KernelLinux kernel;
    write_text(in_place("plain"), "#!/bin/sh\n");
    const Result<Outcome> missing = kernel.perform(ExecuteProgram{in_place("none"), {"none"}, {}});
    EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
    EXPECT_EQ(missing.error().message(), "execve /cginit-work/none: No such file or directory");
    const Result<Outcome> refused = kernel.perform(ExecuteProgram{in_place("plain"), {"plain"}, {}});
    EXPECT_EQ(refused.error().kind, ErrorKind::cannot_execute);
    EXPECT_EQ(refused.error().message(), "execve /cginit-work/plain: Permission denied");
    const pid_t child = ::fork();
    if (child == 0) {
        static_cast<void>(kernel.perform(ExecuteProgram{"/bin/sh", {"sh", "-c", "exit $A"}, {"A=42"}}));
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 42);
}

/// The errno of a call in a child, 0 if it succeeded.
int errno_in_child(const std::function<int()>& call) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(call() < 0 ? errno : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// And with it its children.
void hidden_from_others() {
    KernelLinux kernel;
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 1);
    succeeds(kernel, HideFromOthers{});
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
    EXPECT_EQ(errno_in_child([] { return ::prctl(PR_GET_DUMPABLE) == 0 ? 0 : -1; }), 0);
    // Its own files in /proc stay within its reach.
    for (const char* path :
         {"/proc/self/ns/user", "/proc/self/ns/mnt", "/proc/self/environ", "/proc/self/fd", "/proc/self/root"}) {
        EXPECT_TRUE(UniqueFd(::open(path, O_RDONLY | O_CLOEXEC)).valid()) << path;
    }
}

TEST(KernelLinux, HidesFromOthers) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) { hidden_from_others(); });
}

/// clone(2) without a new stack, as fork(2) does it.
int raw_clone(unsigned long flags) {
    const long child = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) {
        ::_exit(0);
    }
    return static_cast<int>(child);
}

#if defined(__x86_64__)
/// unshare(2) as a 32-bit program calls it.
int unshare_as_i386(unsigned long flags) {
    long result = 310;
    asm volatile("int $0x80" : "+a"(result) : "b"(flags) : "memory");
    errno = static_cast<int>(-result);
    return result < 0 ? -1 : 0;
}
#endif

void expect_no_user_namespaces() {
    EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_NEWUSER); }), EPERM);
    EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_NEWNS | CLONE_NEWUSER); }), EPERM);
    EXPECT_EQ(errno_in_child([] { return raw_clone(CLONE_NEWUSER); }), EPERM);
    EXPECT_EQ(errno_in_child([] { return static_cast<int>(::syscall(SYS_clone3, nullptr, 0)); }), ENOSYS);
    EXPECT_EQ(errno_in_child([] { return raw_clone(0); }), 0) << "a fork is none of its business";
    EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_FILES); }), 0);
#if defined(__x86_64__)
    const int as_i386 = errno_in_child([] { return unshare_as_i386(CLONE_NEWUSER); });
    EXPECT_TRUE(as_i386 == EPERM || as_i386 == -1) << as_i386;  // -1: killed, where the kernel has no 32-bit calls
    EXPECT_EQ(errno_in_child([] { return static_cast<int>(::syscall(0x40000000L | SYS_unshare, CLONE_NEWUSER)); }),
              EPERM);
#endif
}

/// A user namespace that a process of the same user made: who owns it may enter it with no capability, user_namespaces(7).
UniqueFd other_user_namespace() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const char done = ::unshare(CLONE_NEWUSER) == 0 ? '1' : '0';
        static_cast<void>(::write(ends[1], &done, 1));
        ::pause();
        ::_exit(0);
    }
    char done = 0;
    EXPECT_EQ(::read(ends[0], &done, 1), 1);
    EXPECT_EQ(done, '1');
    UniqueFd found(::open(concat({"/proc/", std::to_string(child), "/ns/user"}).c_str(), O_RDONLY | O_CLOEXEC));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    return found;
}

void expect_nobody_enters(const UniqueFd& user_namespace) {
    for (const int type : {CLONE_NEWUSER, 0}) {
        EXPECT_EQ(errno_in_child([&] { return ::setns(user_namespace.get(), type); }), EPERM);
    }
    // Whatever the arguments are.
    EXPECT_EQ(errno_in_child([] { return ::setns(-1, 0); }), EPERM);
#if defined(__x86_64__)
    EXPECT_EQ(errno_in_child([] { return static_cast<int>(::syscall(0x40000000L | SYS_setns, -1, 0)); }), EPERM);
#endif
}

bool holds_sys_admin() {
    const std::string status = read_text("/proc/self/status");
    const std::size_t at = status.find("CapEff:");
    return (std::stoull(status.substr(at + 7), nullptr, 16) >> 21 & 1U) != 0;
}

TEST(KernelLinux, DroppedSysAdminDoesNotComeBack) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        KernelLinux kernel;
        EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_NEWUSER); }), 0) << "else nothing is shown below";
        const UniqueFd other = other_user_namespace();
        EXPECT_EQ(errno_in_child([&other] { return ::setns(other.get(), CLONE_NEWUSER); }), 0);
        succeeds(kernel, RehearseDropCapabilities{{"cap_sys_admin"}});
        EXPECT_TRUE(holds_sys_admin());
        EXPECT_EQ(errno_in_child([] { return ::unshare(CLONE_NEWUSER); }), 0);
        // What it does not hold it cannot get back either; only the filter would need the capability.
        succeeds(kernel, DropCapabilities{{"cap_sys_admin"}});
        EXPECT_FALSE(holds_sys_admin());
        expect_no_user_namespaces();
        expect_nobody_enters(other);
        succeeds(kernel, DropCapabilities{{"cap_sys_admin"}});
        succeeds(kernel, DropCapabilities{{"cap_setpcap"}});
        fails(kernel, RehearseDropCapabilities{{"cap_net_raw"}}, EPERM, "drop cap_net_raw");
    });
}

/// Of a container that has them all nothing has to go.
TEST(KernelLinux, AllCapabilitiesCanBeKept) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        KernelLinux kernel;
        succeeds(kernel, KeepCapabilities{~std::uint64_t{0}});
        EXPECT_TRUE(holds_sys_admin());
        succeeds(kernel, KeepCapabilities{~(std::uint64_t{1} << 21U)});
        EXPECT_FALSE(holds_sys_admin());
    });
}

/// The mask is what the container had, and need not hold what dropping takes: CAP_SETPCAP goes last.
TEST(KernelLinux, WhatIsKeptAndDroppedNeedsNoSetpcapOfTheContainers) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        constexpr std::uint64_t kKillAndSysAdmin = std::uint64_t{1} << 5U | std::uint64_t{1} << 21U;
        KernelLinux kernel;
        succeeds(kernel, KeepCapabilities{kKillAndSysAdmin, {"cap_sys_admin"}});
        const std::string status = read_text("/proc/self/status");
        for (const char* set : {"CapPrm:", "CapEff:", "CapBnd:"}) {
            EXPECT_EQ(std::stoull(status.substr(status.find(set) + 7), nullptr, 16), std::uint64_t{1} << 5U) << set;
        }
    });
}

/// What the kernel itself has no format for may be binfmt_misc's; whoever tries it runs nothing of it.
TEST(KernelLinux, WhetherAFormatIsKnownIsTried) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        write_text(in_place("touch"), concat({"#!/bin/sh\n: >", in_place("ran"), "\n"}));
        write_text(in_place("unknown"), std::string("\0cginit", 7));
        for (const char* name : {"touch", "unknown"}) {
            ASSERT_EQ(::chmod(in_place(name).c_str(), 0755), 0);
        }
        EXPECT_EQ(kernel_executes(in_place("touch")), Tri::yes);
        EXPECT_FALSE(fs::exists(in_place("ran")));
        EXPECT_EQ(kernel_executes(in_place("unknown")), Tri::no);
        EXPECT_EQ(kernel_executes(in_place("missing")), Tri::unknown);
        EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no child is left";
    });
}

TEST(KernelLinux, ProcessVerbs) {
    CGINIT_NEEDS_KERNEL();
    in_container([](const TestCgroups&) {
        descriptors();
        programs();
    });
}

}  // namespace
}  // namespace cginit
