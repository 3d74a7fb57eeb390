#include "detect/detect.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

MountEntry cgroup_mount(const std::string& root, const std::string& fstype = "cgroup",
                        const std::string& options = "rw,cpu,cpuacct") {
    MountEntry entry;
    entry.root = root;
    entry.point = "/sys/fs/cgroup/cpu,cpuacct";
    entry.fstype = fstype;
    entry.super_options = options;
    return entry;
}

TEST(OwnDirectory, OutsideTheNamespace) {
    for (const char* path : {"/..", "/../..", "/../docker/3aef"}) {
        EXPECT_TRUE(is_outside_namespace(path)) << path;
    }
    for (const char* path : {"/", "/...", "/..x", "/docker", "/docker/..", ""}) {
        EXPECT_FALSE(is_outside_namespace(path)) << path;
    }
}

struct DirectoryCase {
    const char* what;
    const char* root;
    const char* own_path;
    const char* directory;  ///< below the mount point; nullptr = not shown
};

TEST(OwnDirectory, IsTheMountPointPlusWhatTheRootLacks) {
    for (const DirectoryCase& c : {
             DirectoryCase{"docker on v1: the path is in the root already", "/docker/3aef", "/docker/3aef", ""},
             {"the host's tree", "/", "/docker/3aef", "/docker/3aef"},
             {"part of the host's tree", "/docker", "/docker/3aef", "/3aef"},
             {"private namespace", "/", "/", ""},
             {"inner level", "/", "/cginit", "/cginit"},
             {"foreign root", "/..", "/", nullptr},
             {"foreign root that would hold it", "/..", "/../x", nullptr},
             {"moved out of the namespace", "/", "/../x", nullptr},
             {"beside it", "/docker/3aef0", "/docker/3aef", nullptr},
             {"a prefix, but no directory", "/docker/3ae", "/docker/3aef", nullptr},
             {"below it", "/docker/3aef/cginit", "/docker/3aef", nullptr},
             {"no line in /proc/self/cgroup", "/", "", nullptr},
         }) {
        const std::optional<std::string> directory = own_directory(cgroup_mount(c.root), c.own_path);
        ASSERT_EQ(directory.has_value(), c.directory != nullptr) << c.what;
        if (directory) {
            EXPECT_EQ(*directory, std::string("/sys/fs/cgroup/cpu,cpuacct") + c.directory) << c.what;
        }
    }
}

struct ControllerCase {
    const char* fstype;
    const char* options;
    std::vector<std::string> controllers;
    bool carries;
};

TEST(CarriesControllers, TheSetDecides) {
    for (const ControllerCase& c : {
             ControllerCase{"cgroup", "rw,cpu,cpuacct", {"cpu", "cpuacct"}, true},
             {"cgroup", "rw,cpuacct,cpu", {"cpu", "cpuacct"}, true},
             {"cgroup", "rw,cpu", {"cpu", "cpuacct"}, false},
             {"cgroup", "rw,cpuset", {"cpu"}, false},
             {"cgroup",
              "rw,xattr,release_agent=/lib/systemd/systemd-cgroups-agent,name=systemd",
              {"name=systemd"},
              true},
             {"cgroup", "rw,xattr,name=systemd", {"name=elogind"}, false},
             {"cgroup", "rw,name=cpu", {"cpu"}, false},
             {"cgroup2", "rw", {}, true},
             {"cgroup2", "rw,nsdelegate,memory_recursiveprot", {}, true},
             {"cgroup", "rw", {}, false},
             {"cgroup2", "rw,cpu", {"cpu"}, false},
             {"tmpfs", "rw,cpu", {"cpu"}, false},
         }) {
        EXPECT_EQ(carries_controllers(cgroup_mount("/", c.fstype, c.options), c.controllers), c.carries)
            << c.fstype << " " << c.options;
    }
}

}  // namespace
}  // namespace cginit
