#include "read/gather.hpp"

#include <gtest/gtest.h>

#include "cginit/options.hpp"
#include "core/text.hpp"
#include "unit/temp_root.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

/// Docker on v1 with two hierarchies, as a folder.
class Gather : public ::testing::Test {
protected:
    Gather() {
        root_.file("/proc/self/mountinfo",
                   base_mounts() + "20 12 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
                       cgroup_line(21, 20, "/docker/3aef", "/sys/fs/cgroup/memory", "ro", "memory") +
                       cgroup_line(22, 20, "/", "/sys/fs/cgroup/systemd", "rw", "name=systemd"));
        root_.file("/proc/self/cgroup", "2:memory:/docker/3aef\n1:name=systemd:/docker/3aef\n0::/\n");
        root_.file("/proc/self/status", "Name:\tcat\nCapEff:\t0000000000200000\nSeccomp:\t2\n");
    }
    [[nodiscard]] Snapshot gathered() const {
        const Result<Snapshot> snapshot = gather(root_.source(), std::nullopt, {});
        EXPECT_TRUE(snapshot) << snapshot.error().message();
        return snapshot ? *snapshot : Snapshot{};
    }
    [[nodiscard]] std::string refusal() const {
        const Result<Snapshot> snapshot = gather(root_.source(), std::nullopt, {});
        return snapshot ? "accepted" : snapshot.error().message();
    }

    TempRoot root_;
};

TEST_F(Gather, TheThreeFilesAreEnough) {
    const Snapshot snapshot = gathered();
    EXPECT_EQ(snapshot.mounts.size(), 6U);
    EXPECT_EQ(snapshot.cgroups.size(), 3U);
    EXPECT_EQ(snapshot.status.effective_capabilities, 0x200000U);
    EXPECT_EQ(snapshot.uid_map, "");
    EXPECT_EQ(snapshot.security_label, "");
    EXPECT_TRUE(snapshot.namespaces.empty());
    EXPECT_TRUE(snapshot.filesystems.empty());
    EXPECT_EQ(snapshot.kernel_release, std::nullopt);
    EXPECT_EQ(snapshot.pid, std::nullopt);
}

TEST_F(Gather, APartOfTheMountsIsNotEnough) {
    root_.file("/proc/self/mountinfo", base_mounts() + "20 19 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
    EXPECT_EQ(refusal(),
              "/proc/self/mountinfo:4: mount 19, on which it lies, is missing; mount a proc file system of this "
              "container at /proc, without subset=pid");
}

TEST_F(Gather, EverythingElseIsReadIfItIsThere) {
    root_.file("/proc/self/uid_map", "         0     100000      65536\n");
    root_.file("/proc/self/gid_map", "         0          0 4294967295\n");
    root_.file("/proc/self/attr/current", "docker-default (enforce)\n");
    root_.file("/proc/filesystems", "nodev\ttmpfs\n\text4\n");
    root_.file("/proc/sys/kernel/osrelease", "3.10.0-1160.el7.x86_64\n");
    root_.file("/proc/self/ns/cgroup", "cgroup:[4026531835]");
    root_.link("/proc/self/ns/mnt", "mnt:[4026532500]");
    root_.file("/proc/self/ns/pid", "garbage");
    const Snapshot snapshot = gathered();
    EXPECT_EQ(snapshot.uid_map, "0     100000      65536");
    EXPECT_EQ(snapshot.gid_map, "0          0 4294967295");
    EXPECT_EQ(snapshot.security_label, "docker-default (enforce)");
    EXPECT_EQ(snapshot.filesystems, std::vector<std::string>({"tmpfs", "ext4"}));
    EXPECT_EQ(snapshot.kernel_release, "3.10.0-1160.el7.x86_64");
    EXPECT_EQ(snapshot.namespaces, (std::map<std::string, std::uint64_t>{{"cgroup", 4026531835}, {"mnt", 4026532500}}));
}

TEST_F(Gather, PlacesAndTerminals) {
    EXPECT_EQ(gathered().places, (std::map<std::string, PlaceType>{{"/run", PlaceType::unknown},
                                                                   {"/run/lock", PlaceType::unknown},
                                                                   {"/tmp", PlaceType::unknown},
                                                                   {kJournal, PlaceType::unknown}}));
    EXPECT_EQ(gathered().host_ttys, std::nullopt);
    root_.file("/run/lock", "");
    root_.link("/tmp", "var/tmp");
    root_.file("/dev/null", "");
    EXPECT_EQ(gathered().places, (std::map<std::string, PlaceType>{{"/run", PlaceType::directory},
                                                                   {"/run/lock", PlaceType::other},
                                                                   {"/tmp", PlaceType::symlink},
                                                                   {kJournal, PlaceType::unknown}}));
    EXPECT_EQ(gathered().host_ttys, std::vector<std::string>());
    for (const char* name : {"tty", "tty0", "tty63", "tty64", "tty07", "ttyS0", "tty1x", "ptty1"}) {
        root_.file(std::string("/dev/") + name, "");
    }
    root_.link("/dev/tty2", "lxc/tty2");
    EXPECT_EQ(gathered().host_ttys, (std::vector<std::string>{"tty0", "tty63"}));
}

TEST_F(Gather, OfTheJournalsPlaceIsAskedWhetherItIsEmpty) {
    const auto journal = [this] { return gathered().places.at(kJournal); };
    root_.directory("/var/log/journal");
    EXPECT_EQ(journal(), PlaceType::empty);
    root_.file("/var/log/journal/0f1e/system.journal", "");
    EXPECT_EQ(journal(), PlaceType::directory);
}

TEST_F(Gather, TheJournalsPlaceIsASymlinkIfOneLeadsThere) {
    root_.directory("/data/journal");
    root_.link("/var/log", "/data");
    EXPECT_EQ(gathered().places.at(kJournal), PlaceType::symlink);
}

TEST_F(Gather, ACaptureSaysWhatIsInNoFile) {
    root_.directory("/tmp");
    root_.link("/run", "/no/such/place");
    root_.file("/cginit/facts", "pid 7\ninit systemd:252\ninit-file /sbin/init\nplace /run absent\nplace /tmp other\n");
    const Snapshot snapshot = gathered();
    EXPECT_EQ(snapshot.pid, 7);
    EXPECT_EQ(snapshot.init, (InitTraits{InitKind::systemd, 252, "/sbin/init"}));
    EXPECT_EQ(snapshot.places, (std::map<std::string, PlaceType>{{"/run", PlaceType::absent},
                                                                 {"/run/lock", PlaceType::unknown},
                                                                 {"/tmp", PlaceType::other},
                                                                 {kJournal, PlaceType::unknown}}))
        << "what it says, and not what the folder looks like";
    const InitTraits other{InitKind::busybox, std::nullopt, ""};
    EXPECT_EQ(gather(root_.source(), 3, other)->init, other);
    EXPECT_EQ(gather(root_.source(), 3, other)->pid, 3);
    root_.file("/cginit/facts", "pid 7\ncolour blue\n");
    EXPECT_EQ(gathered().pid, 7) << "what a later version may say";
    root_.file("/cginit/facts", "colour blue\npid x\n");
    EXPECT_EQ(refusal().substr(0, 51), "/cginit/facts:2: not a fact, or a second one: pid x");
}

/// One that cannot be used is reported all the more: what can be read of it is.
TEST_F(Gather, EverythingIsReadBeforeAnythingIsRefused) {
    for (const char* file : {"/proc/self/mountinfo", "/proc/self/cgroup", "/proc/self/status"}) {
        root_.file("/proc/self/uid_map", "0 0 1\n");
        const std::string before = root_.source().read(file).value();
        root_.file(file, "nonsense\n");
        std::map<std::string, std::string> texts;
        Source source = root_.source();
        source.note_texts(&texts);
        EXPECT_FALSE(gather(source, std::nullopt, {}));
        EXPECT_EQ(texts.size(), 4U) << file;
        EXPECT_EQ(texts[file], "nonsense\n");
        root_.file(file, before);
    }
}

/// Of the running system what is not there is known not to be.
TEST(GatherLive, PlacesAreKnown) {
    const Result<Source> source = Source::open("/");
    const Result<Snapshot> snapshot = gather(*source, std::nullopt, {});
    ASSERT_TRUE(snapshot) << snapshot.error().message();
    for (const auto& [path, type] : snapshot->places) {
        EXPECT_NE(type, PlaceType::unknown) << path;
    }
}

TEST_F(Gather, DirectoriesThatWereNotCapturedStayUnknown) {
    const Snapshot snapshot = gathered();
    ASSERT_EQ(snapshot.directories.size(), 2U);
    EXPECT_EQ(snapshot.directories.at("/sys/fs/cgroup/memory"), CgroupDirectory{});
    EXPECT_EQ(snapshot.directories.at("/sys/fs/cgroup/systemd"), CgroupDirectory{});
}

TEST_F(Gather, TheOwnDirectoryIsLookedAtAndNotTheMountPoint) {
    root_.file("/sys/fs/cgroup/memory/cgroup.procs", "1\n");
    root_.file("/sys/fs/cgroup/memory/memory.use_hierarchy", "1\n");
    // The mount shows the host's root, where release_agent says nothing about the own cgroup.
    root_.file("/sys/fs/cgroup/systemd/cgroup.procs", "1\n");
    root_.file("/sys/fs/cgroup/systemd/release_agent", "");
    Snapshot snapshot = gathered();
    EXPECT_EQ(snapshot.directories.at("/sys/fs/cgroup/memory"), (CgroupDirectory{Tri::no, Tri::unknown, Tri::yes}));
    EXPECT_EQ(snapshot.directories.at("/sys/fs/cgroup/systemd"), CgroupDirectory{});
    root_.file("/sys/fs/cgroup/systemd/docker/3aef/cgroup.procs", "1\n");
    root_.file("/sys/fs/cgroup/memory/memory.use_hierarchy", "0\n");
    root_.file("/sys/fs/cgroup/memory/release_agent", "");
    snapshot = gathered();
    EXPECT_EQ(snapshot.directories.at("/sys/fs/cgroup/memory"), (CgroupDirectory{Tri::yes, Tri::unknown, Tri::no}));
    EXPECT_EQ(snapshot.directories.at("/sys/fs/cgroup/systemd").has_release_agent, Tri::no);
}

TEST_F(Gather, ALimitOfTcpMemory) {
    struct Row {
        const char* text;
        Tri limited;
    };
    root_.file("/sys/fs/cgroup/memory/cgroup.procs", "1\n");
    // The second is what the file reads on a machine with pages of 64 KiB.
    for (const Row& row : {Row{"9223372036854771712\n", Tri::no},
                           {"9223372036854710272\n", Tri::no},
                           {"262144\n", Tri::yes},
                           {"0\n", Tri::yes},
                           {"many\n", Tri::unknown}}) {
        root_.file("/sys/fs/cgroup/memory/memory.kmem.tcp.limit_in_bytes", row.text);
        EXPECT_EQ(gathered().directories.at("/sys/fs/cgroup/memory").tcp_memory_limited, row.limited) << row.text;
    }
}

TEST_F(Gather, CgroupTypeTellsTheRealRootOfV2) {
    root_.file("/proc/self/mountinfo", base_mounts() + cgroup_line(20, 12, "/", "/sys/fs/cgroup", "ro", "unified"));
    root_.file("/sys/fs/cgroup/cgroup.procs", "0\n");
    EXPECT_EQ(gathered().directories.at("/sys/fs/cgroup").has_parent_files, Tri::no);
    root_.file("/sys/fs/cgroup/cgroup.type", "domain\n");
    EXPECT_EQ(gathered().directories.at("/sys/fs/cgroup").has_parent_files, Tri::yes);
}

/// cgroup.type came with Linux 4.14, cgroup.events with cgroup2: before, the first is missing everywhere.
TEST_F(Gather, WhatAnOldKernelCannotShowTellsNothing) {
    root_.file("/proc/self/mountinfo", base_mounts() + cgroup_line(20, 12, "/", "/sys/fs/cgroup", "ro", "unified"));
    root_.file("/sys/fs/cgroup/cgroup.procs", "");
    root_.file("/proc/sys/kernel/osrelease", "4.9.0-19-amd64\n");
    EXPECT_EQ(gathered().directories.at("/sys/fs/cgroup").has_parent_files, Tri::unknown);
    root_.file("/sys/fs/cgroup/cgroup.events", "");
    EXPECT_EQ(gathered().directories.at("/sys/fs/cgroup").has_parent_files, Tri::yes);
}

TEST_F(Gather, WhoseMountNamespaceItIs) {
    struct Row {
        const char* what;
        const char* own;
        const char* pids;
        const char* first;
        const char* facts;
        Tri expected;
    };
    for (const Row& row :
         {Row{"nothing is known", "4026532500", "4026532501", "", "", Tri::unknown},
          Row{"the same", "4026532500", "4026532501", "4026532500", "", Tri::yes},
          Row{"another", "4026532500", "4026532501", "4026532502", "", Tri::no},
          Row{"what cginit saw counts more", "4026532500", "4026532501", "4026532502", "pid1-mounts yes\n", Tri::yes},
          Row{"the host's first", "4026531841", "4026531836", "", "", Tri::yes},
          Row{"the host's first, Linux 6.18", "4026531832", "4026531836", "", "", Tri::yes},
          Row{"the same number with another PID 1", "4026531841", "4026532501", "", "", Tri::unknown},
          Row{"another one on the host", "4026532500", "4026531836", "", "", Tri::unknown}}) {
        const TempRoot root;
        for (const char* file : {"/proc/self/mountinfo", "/proc/self/cgroup", "/proc/self/status"}) {
            root.file(file, root_.source().read(file).value());
        }
        root.file("/proc/self/ns/mnt", concat({"mnt:[", row.own, "]"}));
        root.file("/proc/self/ns/pid", concat({"pid:[", row.pids, "]"}));
        if (*row.first != '\0') {
            root.file("/proc/1/ns/mnt", concat({"mnt:[", row.first, "]"}));
        }
        root.file("/cginit/facts", row.facts);
        const Result<Snapshot> snapshot = gather(root.source(), std::nullopt, {});
        ASSERT_TRUE(snapshot) << row.what;
        EXPECT_EQ(static_cast<int>(snapshot->pid1_mounts), static_cast<int>(row.expected)) << row.what;
    }
}

TEST_F(Gather, WhatTheProcessHolds) {
    root_.file("/proc/self/cwd", "/srv/a b (deleted)");
    root_.file("/cginit/facts", "working-directory-mount 21\nroot-mount 10\ndescriptor 5 cgroup\nneighbours hidden\n");
    const Snapshot snapshot = gathered();
    EXPECT_EQ(snapshot.working_directory.path, "/srv/a b (deleted)");
    EXPECT_EQ(snapshot.working_directory.mount, 21);
    EXPECT_EQ(snapshot.root_mount, 10);
    ASSERT_EQ(snapshot.descriptors.size(), 1U);
    EXPECT_EQ(snapshot.descriptors[0].number, 5);
    EXPECT_EQ(snapshot.neighbours, Neighbours::hidden);
}

TEST_F(Gather, CoveredMountsAreNotLookedAt) {
    root_.file("/proc/self/mountinfo", base_mounts() +
                                           cgroup_line(21, 12, "/docker/3aef", "/sys/fs/cgroup", "ro", "name=systemd") +
                                           "22 21 0:46 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
    root_.file("/sys/fs/cgroup/cgroup.procs", "");
    EXPECT_TRUE(gathered().directories.empty());
}

TEST_F(Gather, MissingFilesAreNamed) {
    const char* files[] = {"/proc/self/mountinfo", "/proc/self/cgroup", "/proc/self/status"};
    const auto gather_without = [&](const std::string& file) {
        const TempRoot empty;
        for (const char* other : files) {
            if (other != file) {
                empty.file(other, root_.source().read(other).value());
            }
        }
        return gather(empty.source(), std::nullopt, {});
    };
    for (const char* file : files) {
        const Result<Snapshot> snapshot = gather_without(file);
        ASSERT_FALSE(snapshot) << file;
        EXPECT_EQ(snapshot.error().message(), std::string("open ") + file +
                                                  ": No such file or directory; cginit needs a proc file system at "
                                                  "/proc: mount a proc file system of this container at /proc, "
                                                  "without subset=pid");
    }
}

TEST_F(Gather, AKernelWithoutCgroupsHasNoneToRead) {
    const TempRoot empty;
    empty.file("/proc/self/mountinfo", base_mounts());
    empty.file("/proc/self/status", root_.source().read("/proc/self/status").value());
    const Result<Snapshot> snapshot = gather(empty.source(), std::nullopt, {});
    ASSERT_TRUE(snapshot) << "as gVisor is";
    EXPECT_TRUE(snapshot->cgroups.empty());
}

TEST_F(Gather, MalformedFilesAreNamedWithTheirLine) {
    struct Case {
        const char* file;
        const char* text;
        const char* error;
    };
    for (const Case& c :
         {Case{"/proc/self/mountinfo", "10 1 0:39 / / rw - overlay overlay rw\n11 10 garbage\n",
               "/proc/self/mountinfo:2: not a mountinfo line (proc(5))"},
          {"/proc/self/mountinfo", "", "/proc/self/mountinfo: empty"},
          {"/proc/self/cgroup", "1:cpu:/\n2:memory\n", "/proc/self/cgroup:2: not ID:CONTROLLERS:PATH: 2:memory"},
          {"/proc/self/cgroup", "1:cpu:/doc", "/proc/self/cgroup:1: the last line is cut off"},
          {"/proc/self/status", "CapEff:\tx\n", "/proc/self/status:1: CapEff is not a hexadecimal number: x"}}) {
        const std::string before = root_.source().read(c.file).value();
        root_.file(c.file, c.text);
        EXPECT_EQ(refusal().substr(0, std::string(c.error).size()), c.error);
        root_.file(c.file, before);
    }
    EXPECT_EQ(refusal(), "accepted");
}

TEST_F(Gather, PidAndInitArePassedOn) {
    const Result<Snapshot> snapshot =
        gather(root_.source(), 17, InitTraits{InitKind::busybox, std::nullopt, "/bin/busybox"});
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(snapshot->pid, 17);
    EXPECT_EQ(snapshot->init.path, "/bin/busybox");
}

}  // namespace
}  // namespace cginit
