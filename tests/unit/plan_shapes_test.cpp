#include <gtest/gtest.h>

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"
#include "plan/simulate.hpp"
#include "unit/plan_scenes.hpp"

namespace cginit {
namespace {

using Lines = std::vector<std::string>;

struct Shape {
    const char* scene;
    Lines in_order;   ///< parts of lines, each found after the one before
    Lines not_there;  ///< parts of lines that no line holds
};

const std::vector<Shape>& shapes() {
    static const std::vector<Shape> all{
        {"v1-host",
         {"mount tmpfs [mode=700,size=1m] on /proc/driver (", "unshare the cgroup namespace",
          "mount cgroup [memory] on /proc/driver/engine/memory (rw", "make cgroup /proc/driver/engine/memory/cginit",
          "move all processes of /proc/driver/engine/memory to /proc/driver/engine/memory/cginit",
          "copy /proc/driver/engine/cpuset/cpuset.cpus to /proc/driver/engine/cpuset/cginit/cpuset.cpus",
          "copy /proc/driver/engine/cpuset/cpuset.mems",
          "move all processes of /proc/driver/engine/cpuset to /proc/driver/engine/cpuset/cginit",
          "unshare the cgroup namespace", "mount tmpfs [mode=755,size=1m] on /proc/driver/new (rw",
          "mount cgroup [blkio] on /proc/driver/new/blkio (ro", "mount cgroup [memory] on /proc/driver/new/memory (rw",
          "mount cgroup [none,name=systemd,xattr] on /proc/driver/new/systemd (rw", "remount /proc/driver/new (ro",
          "move mount /sys/fs/cgroup to /proc/driver/old-0", "move mount /proc/driver/new to /sys/fs/cgroup",
          "make and remove a child cgroup of /sys/fs/cgroup/memory",
          "assert that this process is in /sys/fs/cgroup/systemd", "detach /proc/driver"},
         {"misc", "perf_event", "cgroup2", "engine/blkio", "child cgroup of /sys/fs/cgroup/blkio", "/run"}},
        // The own cgroups are the roots already: one unshare less.
        {"v1-private",
         {"mount cgroup [memory] on /proc/driver/engine/memory (rw", "move all processes",
          "unshare the cgroup namespace", "mount cgroup [memory] on /proc/driver/new/memory (rw"},
         {}},
        {"v1-comount",
         {"mount cgroup [net_cls,net_prio] on /proc/driver/new/net_cls,net_prio (ro",
          "mount cgroup [cpu,cpuacct] on /proc/driver/new/cpu,cpuacct (rw",
          "make symlink /proc/driver/new/net_cls -> net_cls,net_prio",
          "make symlink /proc/driver/new/net_prio -> net_cls,net_prio",
          "make symlink /proc/driver/new/cpu -> cpu,cpuacct", "make symlink /proc/driver/new/cpuacct -> cpu,cpuacct",
          "remount /proc/driver/new (ro"},
         {}},
        {"v1-bind",
         {"bind mount /sys/fs/cgroup/memory to /proc/driver/engine/memory", "remount /proc/driver/engine/memory (rw",
          "make cgroup /proc/driver/engine/blkio/docker/c", "make cgroup /proc/driver/engine/memory/cginit",
          "move all processes of /proc/driver/engine/memory",
          "make cgroup /proc/driver/engine/memory/cginit/docker/c/cginit",
          "bind mount /proc/driver/engine/blkio to /proc/driver/new/blkio", "remount /proc/driver/new/blkio (ro",
          "bind mount /proc/driver/engine/memory/cginit to /proc/driver/new/memory",
          "remount /proc/driver/new/memory (rw",
          "bind mount /proc/driver/engine/memory/cginit to /proc/driver/new/memory/docker/c/cginit",
          "remount /proc/driver/new/memory/docker/c/cginit (rw",
          "assert that this process is in /sys/fs/cgroup/blkio/docker/c",
          "child cgroup of /sys/fs/cgroup/memory/docker/c/cginit"},
         {"unshare", "mount cgroup ["}},
        {"v1-bind-no-inner",
         {"make cgroup /proc/driver/engine/memory/docker/c",
          "bind mount /proc/driver/engine/memory to /proc/driver/new/memory/docker/c",
          "child cgroup of /sys/fs/cgroup/memory/docker/c"},
         {"unshare", "cginit", "move all processes"}},
        {"v1-no-inner",
         {"unshare the cgroup namespace", "mount cgroup [memory] on /proc/driver/new/memory (rw"},
         {"engine", "make cgroup", "move all processes"}},
        {"v1-systemd",
         {"make directory /proc/driver/run", "mount tmpfs [mode=755,size=20%,nr_inodes=800k] on /proc/driver/run",
          "make mount point /proc/driver/run/a like /run/a", "make mount point /proc/driver/run/lock like /run/lock",
          "make mount point /proc/driver/run/secrets/token like /run/secrets/token",
          "move mount /sys/fs/cgroup to /proc/driver/old-0", "move mount /run/a to /proc/driver/run/a",
          "move mount /run/secrets/token to /proc/driver/run/secrets/token",
          "move mount /proc/driver/new to /sys/fs/cgroup", "move mount /proc/driver/run to /run",
          "assert that this process", "detach /proc/driver"},
         {"/run/a/b", "/running"}},
        {"hybrid",
         {"mount cgroup2 on /proc/driver/engine/unified (rw", "make cgroup /proc/driver/engine/unified/cginit",
          "unshare", "mount cgroup2 on /proc/driver/new/unified (rw", "child cgroup of /sys/fs/cgroup/unified"},
         {"enable all controllers"}},
        {"unified-private",
         {"mount cgroup2 on /proc/driver/engine/unified (rw", "make cgroup /proc/driver/engine/unified/cginit",
          "move all processes of /proc/driver/engine/unified to",
          "enable all controllers for the children of /proc/driver/engine/unified", "unshare",
          "limit what is below /proc/driver/engine/unified to 4096 cgroups and 15 levels",
          "mount cgroup2 on /proc/driver/new (rw", "move mount /proc/driver/new to /sys/fs/cgroup",
          "child cgroup of /sys/fs/cgroup"},
         {"mount tmpfs [mode=755", "symlink"}},
        {"unified-host",
         {"unshare", "mount cgroup2 on /proc/driver/engine/unified", "unshare", "mount cgroup2 on /proc/driver/new"},
         {}},
        {"unified-bind",
         {"bind mount /sys/fs/cgroup/docker/c to /proc/driver/engine/unified",
          "make cgroup /proc/driver/engine/unified/cginit/docker/c/cginit",
          "bind mount /proc/driver/engine/unified/cginit to /proc/driver/new/docker/c/cginit"},
         {"unshare", "mount cgroup2"}},
        {"whole-tree-shared",
         {"make /sys/fs/cgroup private", "make /sys/fs/cgroup/cpuset private", "make /sys/fs/cgroup/memory slave",
          "make /sys/fs/cgroup/systemd private", "mount tmpfs [mode=700", "move mount /sys/fs/cgroup to"},
         {}},
        {"unified-shared", {"make /sys/fs/cgroup private", "mount tmpfs [mode=700"}, {}},
        {"parent-shared", {"make /sys private", "mount tmpfs [mode=700"}, {}},
        {"podman-stacked",
         {"mount cgroup [none,name=systemd,xattr] on /proc/driver/new/systemd (rw",
          "move mount /sys/fs/cgroup to /proc/driver/old-0"},
         {"old-1"}},
        {"root-stacked",
         {"move mount /sys/fs/cgroup to /proc/driver/old-0", "move mount /sys/fs/cgroup to /proc/driver/old-1",
          "move mount /proc/driver/new to /sys/fs/cgroup"},
         {}},
        {"elsewhere",
         {"make /host/sys/fs/cgroup private", "move mount /sys/fs/cgroup to /proc/driver/old-0",
          "move mount /host/sys/fs/cgroup to /proc/driver/old-1"},
         {}},
        {"elsewhere-kept", {"move mount /sys/fs/cgroup to /proc/driver/old-0"}, {"/host"}},
        {"unknown",
         {"mount cgroup [blkio] on /proc/driver/engine/blkio (ro",
          "assert that /proc/driver/engine/blkio is not the real root",
          "mount cgroup [memory] on /proc/driver/engine/memory (ro",
          "assert that /proc/driver/engine/memory is not the real root", "remount /proc/driver/engine/memory (rw",
          "assert that memory is hierarchical in /proc/driver/engine/memory",
          "make cgroup /proc/driver/engine/memory/cginit", "mount cgroup [memory] on /proc/driver/new/memory (ro",
          "remount /proc/driver/new/memory (rw"},
         {}},
        {"remount", {"remount /sys/fs/cgroup (rw", "assert that this process", "make and remove"}, {"/proc/driver"}},
        {"delegated-v1",
         {"make cgroup /proc/driver/engine/cpuset/cginit",
          "write 1 to /proc/driver/engine/cpuset/cginit/cgroup.clone_children",
          "move all processes of /proc/driver/engine/cpuset"},
         {"blkio", "init.scope"}},
        {"delegated-v2",
         {"enable all controllers for the children of /proc/driver/engine/unified", "unshare",
          "mount cgroup2 on /proc/driver/new (rw", "make cgroup /proc/driver/new/init.scope",
          "move all processes of /proc/driver/new to /proc/driver/new/init.scope",
          "enable cpu, memory for the children of /proc/driver/new", "move mount /proc/driver/new to /sys/fs/cgroup",
          "assert that this process is in /sys/fs/cgroup/init.scope",
          "make and remove a child cgroup of /sys/fs/cgroup"},
         {}},
        {"delegated-bind",
         {"bind mount /proc/driver/engine/unified/cginit to /proc/driver/new/docker/c/cginit",
          "make cgroup /proc/driver/new/init.scope",
          "assert that this process is in /sys/fs/cgroup/docker/c/cginit/init.scope"},
         {}},
        {"host-v2",
         {"unshare", "mount cgroup2 on /proc/driver/engine/unified (rw",
          "make cgroup /proc/driver/engine/unified/cginit-aaaa",
          "move this process alone to /proc/driver/engine/unified", "unshare", "mount cgroup2 on /proc/driver/new (rw"},
         {"move all processes of /proc/driver/engine/unified", "enable all controllers", "limit what is below"}},
        {"host-v2-unknown",
         {"mount cgroup2 on /proc/driver/engine/unified (ro",
          "assert that /proc/driver/engine/unified is the real root",
          "assert that /proc/driver/engine/unified is not the real root", "remount /proc/driver/engine/unified (rw",
          "make cgroup /proc/driver/engine/unified/cginit-aaaa", "move this process alone",
          "make cgroup /proc/driver/engine/unified/cginit", "move all processes of /proc/driver/engine/unified",
          "unshare"},
         {}},
        {"tracking",
         {"mount cgroup [none,name=systemd,xattr] on /proc/driver/engine/systemd (rw",
          "make cgroup /proc/driver/engine/systemd/cginit-aaaa", "move this process alone", "unshare",
          "mount cgroup2 on /proc/driver/engine/unified", "make cgroup /proc/driver/engine/unified/cginit", "unshare",
          "mount cgroup [none,name=systemd,xattr] on /proc/driver/new/systemd (rw"},
         {"/proc/driver/new/unified", "move all processes of /proc/driver/engine/systemd"}},
        {"tracking-there", {"mount cgroup [none,name=systemd] on /proc/driver/engine/systemd (rw", "unshare"}, {}},
        {"added-v2",
         {"mount cgroup2 on /proc/driver/engine/unified (rw", "make cgroup /proc/driver/engine/unified/cginit",
          "mount cgroup2 on /proc/driver/new/unified (rw"},
         {"enable"}},
        {"added-v2-unknown",
         {"mount cgroup2 on /proc/driver/engine/unified (ro", "is not the real root",
          "/proc/driver/engine/unified (rw"},
         {"is the real root"}},
        {"none", {}, {"mount"}},
        {"none-run",
         {"mount tmpfs [mode=755,size=20%", "move mount /proc/driver/run to /run", "detach",
          "make / and all below shared"},
         {"cgroup", "/dev"}},
        {"none-run-shared",
         {"make / slave", "move mount /proc/driver/run to /run", "detach", "make / and all below shared"},
         {}},
        {"privileged",
         {"make / slave",
          "make /dev private",
          "mount tmpfs [mode=700",
          "mount tmpfs [mode=755,size=20%,nr_inodes=800k] on "
          "/proc/driver/run (rw,nosuid,nodev)",
          "mount tmpfs [mode=1777,size=5m] on /proc/driver/run/lock (rw,nosuid,nodev,noexec)",
          "mount tmpfs [mode=1777,size=50%,nr_inodes=1m] on /proc/driver/tmp (rw,nosuid,nodev)",
          "make mount point /proc/driver/tmp/.X11-unix like /tmp/.X11-unix",
          "mount tmpfs [mode=755,size=4m,nr_inodes=64k] on /proc/driver/layer",
          "make whiteout /proc/driver/layer/upper/tty0",
          "make whiteout /proc/driver/layer/upper/tty1",
          "mount overlay [lowerdir=/dev,upperdir=/proc/driver/layer/upper,workdir=/proc/driver/layer/work] on "
          "/proc/driver/dev (rw,nosuid)",
          "move mount /sys/fs/cgroup to",
          "move mount /tmp/.X11-unix to /proc/driver/tmp/.X11-unix",
          "move mount /dev/pts to /proc/driver/dev/pts",
          "move mount /dev to /proc/driver/old-dev",
          "move mount /proc/driver/new to /sys/fs/cgroup",
          "move mount /proc/driver/run to /run",
          "move mount /proc/driver/tmp to /tmp",
          "move mount /proc/driver/dev to /dev",
          "remount /sys (ro,nosuid,nodev,noexec,relatime)",
          "assert that this process",
          "detach /proc/driver",
          "make / and all below shared"},
         {"upper/tty2", "like /dev", "to /run/lock"}},
    };
    return all;
}

TEST(MakePlan, ShapesHaveTheirStepsInOrder) {
    for (const Shape& shape : shapes()) {
        const Lines lines = op_lines(plan_of(scene(shape.scene)).plan);
        std::size_t from = 0;
        for (const std::string& part : shape.in_order) {
            const Lines rest(lines.begin() + static_cast<std::ptrdiff_t>(from), lines.end());
            const std::size_t found = find_line(rest, part);
            ASSERT_NE(found, std::string::npos) << shape.scene << ": no \"" << part << "\" in\n" << join(rest, "\n");
            from += found + 1;
        }
        for (const std::string& part : shape.not_there) {
            EXPECT_EQ(find_line(lines, part), std::string::npos) << shape.scene << ": \"" << part << "\"";
        }
    }
}

}  // namespace
}  // namespace cginit
