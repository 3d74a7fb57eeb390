#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/text.hpp"
#include "unit/world_builder.hpp"

namespace cginit {
namespace {

constexpr std::uint64_t kHost = kInitialCgroupNamespaceId;
constexpr std::uint64_t kPrivate = kPrivateCgroupNamespaceId;

/// One mount of v1's memory, and what it shows of it to whom /proc/self/cgroup says `own_path`.
struct Shown {
    const char* what;
    const char* root;
    const char* own_path;
    std::uint64_t cgroup_namespace;
    Tri more;
};

constexpr Shown kShown[] = {
    {"private root", "/", "/", kPrivate, Tri::no},
    {"private, a deeper cgroup", "/a", "/", kPrivate, Tri::no},
    {"private, the host's volume", "/../..", "/", kPrivate, Tri::yes},
    {"private, a neighbour", "/../b", "/", kPrivate, Tri::yes},
    {"private, an inner level", "/cginit", "/cginit", kPrivate, Tri::no},
    {"private, above an inner level", "/", "/cginit", kPrivate, Tri::yes},
    {"private, moved out", "/", "/../b", kPrivate, Tri::yes},
    {"private, entered from above", "/", "/..", kPrivate, Tri::no},
    {"own path by name", "/docker/a", "/docker/a", kHost, Tri::no},
    {"bind of a deeper cgroup", "/docker/a/b", "/docker/a", kHost, Tri::no},
    {"the host's tree", "/", "/docker/a", kHost, Tri::yes},
    {"the parent", "/docker", "/docker/a", kHost, Tri::yes},
    {"another container", "/docker/b", "/docker/a", kHost, Tri::yes},
    {"a name that starts alike", "/docker/a", "/docker/ab", kHost, Tri::yes},
    {"the host's root as own cgroup", "/", "/", kHost, Tri::yes},
    {"below the host's root as own cgroup", "/a", "/", kHost, Tri::yes},
    {"nested engine with a volume", "/docker/a", "/docker/a/docker/b", kHost, Tri::yes},
    {"a root with a leaf's name above", "/docker/a", "/docker/a/init.scope", kHost, Tri::yes},
};

World world_with(const Shown& shown, const std::string& mounts) {
    Snapshot snapshot = snapshot_of(mounts, concat({"1:memory:", shown.own_path, "\n"}));
    snapshot.namespaces["cgroup"] = shown.cgroup_namespace;
    snapshot.directories["/sys/fs/cgroup/memory"].has_release_agent = Tri::no;
    return classify(snapshot);
}

std::string memory_mount(const Shown& shown) {
    return cgroup_line(20, 12, shown.root, "/sys/fs/cgroup/memory", "ro", "memory");
}

/// The same where the directory at the mount point is out of sight: of a root only that tells whether it is the host's.
Tri more_unseen(const Shown& shown) {
    const bool at_root = std::string_view(shown.own_path) == "/" && std::string_view(shown.root) == "/";
    return at_root && shown.cgroup_namespace == kPrivate ? Tri::unknown : shown.more;
}

Tri answer(const World& world) {
    const Hierarchy& memory = hierarchy_of(world, "memory");
    return shows_more(memory, memory.mounts.front());
}

TEST(V1ShowsMore, IsToldByTheRootOfTheMount) {
    for (const Shown& shown : kShown) {
        EXPECT_EQ(answer(world_with(shown, base_mounts() + memory_mount(shown))), shown.more) << shown.what;
    }
}

TEST(V1ShowsMore, IsTheSameForWhatIsCovered) {
    const std::string cover = "21 20 0:40 / /sys/fs/cgroup/memory ro - tmpfs tmpfs ro\n";
    for (const Shown& shown : kShown) {
        const World world = world_with(shown, base_mounts() + memory_mount(shown) + cover);
        EXPECT_FALSE(hierarchy_of(world, "memory").mounts.front().visible) << shown.what;
        EXPECT_EQ(answer(world), more_unseen(shown)) << shown.what;
    }
}

TEST(V1ShowsMore, IsTheSameElsewhere) {
    for (const Shown& shown : kShown) {
        const std::string elsewhere = cgroup_line(20, 10, shown.root, "/host/memory", "rw", "memory");
        EXPECT_EQ(answer(world_with(shown, base_mounts() + elsewhere)), more_unseen(shown)) << shown.what;
    }
}

TEST(V1ShowsMore, IsNotToldByASourceThatSaysCginit) {
    for (const Shown& shown : kShown) {
        std::string mount = memory_mount(shown);
        mount.replace(mount.find(" cgroup cgroup "), 15, " cgroup cginit ");
        EXPECT_EQ(answer(world_with(shown, base_mounts() + mount)), shown.more) << shown.what;
    }
}

/// A cginit of this very container leaves the root that it made to a leaf, in which it then is.
TEST(V1ShowsMore, ALeafOfOursIsTheOwnCgroupItself) {
    for (const Shown& shown : {Shown{"in a namespace", "/", "/init.scope", kPrivate, Tri::no},
                               Shown{"in the host's", "/docker/a", "/docker/a/init.scope", kHost, Tri::yes},
                               Shown{"deeper than a leaf", "/", "/init.scope/a", kPrivate, Tri::yes},
                               Shown{"another leaf", "/", "/other.scope", kPrivate, Tri::yes},
                               Shown{"above a leaf's parent", "/", "/docker/init.scope", kHost, Tri::yes}}) {
        std::string mount = memory_mount(shown);
        mount.replace(mount.find(" cgroup cgroup "), 15, concat({" cgroup ", kOwnMark, " "}));
        EXPECT_EQ(answer(world_with(shown, base_mounts() + mount)), shown.more) << shown.what;
        EXPECT_EQ(answer(world_with(shown, base_mounts() + memory_mount(shown))), Tri::yes) << shown.what;
    }
}

}  // namespace
}  // namespace cginit
