#include "read/gather.hpp"

#include <gtest/gtest.h>

#include "core/text.hpp"
#include "unit/temp_root.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

constexpr int kSelf = 20;

/// A /proc in which namespaces cannot be read, as for who may trace nobody; the mounts tell.
class FindNeighbours : public testing::Test {
protected:
    void process(int pid, int parent, unsigned long start, const std::string& name = "sh", bool here = true,
                 const char* state = "S") const {
        const std::string directory = concat({"/proc/", std::to_string(pid)});
        root_.file(directory + "/stat",
                   concat({std::to_string(pid), " (", name, ") ", state, " ", std::to_string(parent),
                           " 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 ", std::to_string(start), " 4464640 1\n"}));
        root_.file(directory + "/mountinfo", here ? "10 1 0:39 / / rw,relatime master:2 - overlay overlay rw\n"
                                                  : "77 1 0:9 / / rw - ext4 e rw\n");
    }
    [[nodiscard]] NeighbourFacts found(const Snapshot& snapshot = docker_v2()) const {
        return find_neighbours(root_.source(), snapshot, kSelf);
    }
    void expect(Neighbours neighbours, const std::string& neighbour, const char* why) const {
        const NeighbourFacts facts = found();
        EXPECT_EQ(static_cast<int>(facts.neighbours), static_cast<int>(neighbours)) << why << ": " << facts.neighbour;
        EXPECT_EQ(facts.neighbour, neighbour) << why;
    }

    TempRoot root_;
};

TEST_F(FindNeighbours, AncestorsAreNone) {
    process(1, 0, 100, "tini");
    process(7, 1, 101);
    process(kSelf, 7, 102, "cginit");
    expect(Neighbours::none, "", "docker run --init, a shell as entrypoint");
}

TEST_F(FindNeighbours, AHealthCheckThatEnteredLaterIsNone) {
    process(1, 0, 100, "tini");
    process(kSelf, 1, 102, "cginit");
    process(30, 0, 102);
    process(31, 30, 103, "curl");
    expect(Neighbours::none, "", "what came from outside, and its child");
}

TEST_F(FindNeighbours, AnInitThatRunsAlready) {
    process(1, 0, 100, "sleep");
    process(kSelf, 0, 500, "cginit");
    expect(Neighbours::some, "1 (sleep)", "docker exec");
    process(1, 0, 500, "a) S 0 (b");
    expect(Neighbours::some, "1 (a) S 0 (b)", "in the same tick the lower number was first");
}

TEST_F(FindNeighbours, ASiblingIsOne) {
    process(1, 0, 100, "tini");
    process(9, 1, 101, "redis-server");
    process(kSelf, 1, 102, "cginit");
    expect(Neighbours::some, "9 (redis-server)", "it has the mounts that would change");
}

TEST_F(FindNeighbours, OthersMountNamespacesDoNotCount) {
    process(1, 0, 100, "pause", false);
    process(12, 0, 150, "nginx", false);
    process(kSelf, 0, 200, "cginit");
    expect(Neighbours::none, "", "a pod with shareProcessNamespace");
    process(13, 0, 180, "busybox");
    expect(Neighbours::some, "13 (busybox)", "kubectl exec into such a pod");
    process(13, 0, 180, "busybox", true, "Z");
    expect(Neighbours::none, "", "who has ended has no mounts");
    process(13, 0, 180, "busybox");
    root_.file("/proc/13/mountinfo", "");
    expect(Neighbours::some, "13 (busybox)", "what is not known counts");
}

TEST_F(FindNeighbours, InTheHostsPidNamespace) {
    process(1, 0, 1, "systemd", false);
    process(2, 0, 1, "kthreadd", false);
    process(15, 1, 50, "containerd-shim", false);
    process(kSelf, 15, 200, "cginit");
    expect(Neighbours::none, "", "docker run --pid=host");
    process(19, 15, 150, "dockerd");
    expect(Neighbours::some, "19 (dockerd)", "docker exec into it");
}

TEST_F(FindNeighbours, HiddenProcesses) {
    process(kSelf, 0, 200, "cginit");
    expect(Neighbours::hidden, "", "not PID 1, and there is none");
    process(1, 0, 300, "pause", false);
    expect(Neighbours::none, "", "now there is");
    for (const auto& [option, hides] : {std::pair{"hidepid=invisible", true},
                                        {"hidepid=2", true},
                                        {"hidepid=4", true},
                                        {"hidepid=0", false},
                                        {"hidepid=off", false},
                                        {"gid=4", false}}) {
        Snapshot snapshot = docker_v2();
        snapshot.mounts[1].super_options = concat({"rw,", option});
        EXPECT_EQ(found(snapshot).neighbours == Neighbours::hidden, hides) << option;
        snapshot.status.effective_capabilities |= 1U << 19U;
        EXPECT_EQ(found(snapshot).neighbours, Neighbours::none) << "CAP_SYS_PTRACE sees all";
    }
}

TEST_F(FindNeighbours, OfItself) {
    process(1, 0, 100, "sleep");
    expect(Neighbours::hidden, "", "a /proc that does not show the caller");
}

TEST(Pid1Mounts, ByTheIdsOfMounts) {
    const TempRoot root;
    EXPECT_EQ(pid1_has_own_mounts(root.source(), docker_v2().mounts), Tri::unknown);
    root.file("/proc/1/mountinfo", "10 1 0:39 / / rw - overlay overlay rw\n");
    EXPECT_EQ(pid1_has_own_mounts(root.source(), docker_v2().mounts), Tri::yes);
    root.file("/proc/1/mountinfo", "95 1 0:39 / / rw - overlay overlay rw\n");
    EXPECT_EQ(pid1_has_own_mounts(root.source(), docker_v2().mounts), Tri::no);
}

}  // namespace
}  // namespace cginit
