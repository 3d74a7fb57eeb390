#include <gtest/gtest.h>

#include "cginit/op.hpp"

namespace cginit {
namespace {

TEST(DescribeOp, OneLinePerVerb) {
    struct Case {
        Op op;
        const char* line;
    };
    const std::vector<Case> cases{
        {MountFilesystem{"tmpfs", "/w", "mode=700", {.nosuid = true}}, "mount tmpfs [mode=700] on /w (rw,nosuid)"},
        {MountFilesystem{"cgroup2", "/w", "", {.read_only = true}}, "mount cgroup2 on /w (ro)"},
        {BindMount{"/a", "/b"}, "bind mount /a to /b"},
        {BindMount{"/a", "/b", true}, "bind mount /a and all below to /b"},
        {RemountBind{"/a", {.nodev = true, .noexec = true}}, "remount /a (rw,nodev,noexec)"},
        {MoveMount{"/a", "/b"}, "move mount /a to /b"},
        {SetPropagation{"/a", PropagationType::private_}, "make /a private"},
        {SetPropagation{"/a", PropagationType::slave}, "make /a slave"},
        {SetPropagation{"/a", PropagationType::shared}, "make /a shared"},
        {SetPropagation{"/a", PropagationType::shared, true}, "make /a and all below shared"},
        {DetachMount{"/a"}, "detach /a"},
        {UnshareCgroupNamespace{}, "unshare the cgroup namespace"},
        {RestoreCgroupNamespace{}, "return to the cgroup namespace before"},
        {UnshareUserNamespace{"0 0 1\n1 1 9", "0 0 9"},
         "unshare the user, mount, cgroup and UTS namespaces (ids 0 0 1, 1 1 9)"},
        {MakeUserNamespace{"0 0 1\n1 1 9", "0 0 9"}, "make a user and a cgroup namespace (ids 0 0 1, 1 1 9)"},
        {EnterUserNamespace{}, "enter these, and unshare the mount and UTS namespaces"},
        {MakeDirectory{"/a"}, "make directory /a"},
        {MakeSymlink{"cpu,cpuacct", "/a/cpu"}, "make symlink /a/cpu -> cpu,cpuacct"},
        {MakeWhiteout{"/u/tty0"}, "make whiteout /u/tty0"},
        {MakeMountPoint{"/run/x", "/w/x"}, "make mount point /w/x like /run/x"},
        {MakeCgroup{"/c/i"}, "make cgroup /c/i"},
        {RemoveCgroup{"/c/i"}, "remove cgroup /c/i"},
        {MoveProcesses{"/c", "/c/i"}, "move all processes of /c to /c/i"},
        {JoinCgroup{"/c/i"}, "move this process alone to /c/i"},
        {WriteCgroupFile{"/c/f", "1"}, "write 1 to /c/f"},
        {CopyCgroupFile{"/c/f", "/c/i/f"}, "copy /c/f to /c/i/f"},
        {CopyLimits{"/c", "/c/i", {"memory.max", "pids.max"}}, "copy the limits memory.max, pids.max of /c to /c/i"},
        {EnableControllers{"/c", "/c/i"}, "enable all controllers for the children of /c"},
        {EnableControllers{"/c", "/c/i", {"cpu", "memory"}}, "enable cpu, memory for the children of /c"},
        {DisableControllers{"/c"}, "disable all controllers for the children of /c"},
        {LimitDescendants{"/c", 4096, 15}, "limit what is below /c to 4096 cgroups and 15 levels"},
        {LimitDescendants{"/c", {}, 15}, "limit what is below /c to 15 levels"},
        {RestoreDescendantLimits{"/c"}, "restore the limits of what is below /c"},
        {AssertNotRealRoot{"/c", true}, "assert that /c is not the real root"},
        {AssertRealRoot{"/c", true}, "assert that /c is the real root"},
        {AssertHierarchicalMemory{"/c"}, "assert that memory is hierarchical in /c"},
        {AssertMember{"/c"}, "assert that this process is in /c"},
        {ProbeCgroup{"/c"}, "make and remove a child cgroup of /c"},
        {AssertUnpopulated{"/c"}, "assert that nobody is in /c"},
        {AssertNoOutsiders{"/c"}, "assert that nobody from outside is in /c"},
        {EnterDirectory{"/srv"}, "enter directory /srv"},
        {ReturnToDirectory{}, "return to the directory before"},
        {HoldUmask{}, "set the umask to 0"},
        {ReleaseUmask{}, "set the umask as it was"},
        {HoldStandardDescriptors{}, "hold closed standard descriptors"},
        {HideFromOthers{}, "hide this process from others (not dumpable)"},
        {LockMountNamespace{}, "lock the mount namespace"},
        {HoldSignals{}, "hold signals back"},
        {ReleaseSignals{}, "let signals through"},
        {CloseDescriptors{3}, "close descriptors from 3 on"},
        {RehearseUnmount{"/proc/driver"}, "rehearse to unmount /proc/driver"},
        {RehearseDropCapabilities{{"cap_sys_admin"}}, "rehearse to drop cap_sys_admin"},
        {DropCapabilities{{"cap_sys_admin", "cap_mknod"}}, "drop cap_sys_admin, cap_mknod"},
        {KeepCapabilities{0xa82425fb}, "keep the capabilities a82425fb alone"},
        {KeepCapabilities{}, "keep the capabilities 0 alone"},
        {KeepCapabilities{0xff, {"cap_kill"}}, "keep the capabilities ff alone, but not cap_kill"},
        {ExecuteProgram{"/sbin/init", {"init"}, {"A=b"}}, "execute /sbin/init"},
    };
    std::vector<bool> seen(std::variant_size_v<AnyOp>, false);
    for (const Case& c : cases) {
        EXPECT_EQ(describe(c.op), c.line);
        seen[c.op.index()] = true;
    }
    EXPECT_EQ(seen, std::vector<bool>(std::variant_size_v<AnyOp>, true)) << "a verb has no case";
}

TEST(DescribeOp, MountFlags) {
    EXPECT_EQ(describe(MountFlags{}), "rw");
    EXPECT_EQ(
        describe(MountFlags{.read_only = true, .nosuid = true, .nodev = true, .noexec = true, .atime = "relatime"}),
        "ro,nosuid,nodev,noexec,relatime");
    EXPECT_EQ(describe(MountFlags{.atime = "noatime"}), "rw,noatime");
}

}  // namespace
}  // namespace cginit
