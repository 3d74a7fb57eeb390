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

#include "apply/linux/calls.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "core/unique_fd.hpp"
#include "kernel/support/container.hpp"
#include "kernel/support/verbs.hpp"
#include "read/proc_files.hpp"

namespace cginit {
namespace {

namespace fs = std::filesystem;

MountTable table() { return parse_mountinfo(read_text("/proc/self/mountinfo"), "mountinfo").value(); }

MountEntry mount_at(const std::string& point) {
    const MountTable mounts = table();
    const MountEntry* found = visible_mount_at(mounts, point);
    EXPECT_NE(found, nullptr) << point;
    return found == nullptr ? MountEntry{} : *found;
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

}  // namespace
}  // namespace cginit
