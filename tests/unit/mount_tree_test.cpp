#include "detect/detect.hpp"

#include <gtest/gtest.h>

#include "unit/world_builder.hpp"

namespace cginit {
namespace {

/// `INDEX: what is wrong`, or nothing. Each mount is `id parent point`.
struct Place {
    int id;
    int parent;
    const char* point;
};

std::string fault(const std::vector<Place>& places) {
    MountTable table;
    for (const Place& place : places) {
        MountEntry entry;
        entry.id = place.id;
        entry.parent = place.parent;
        entry.point = place.point;
        table.push_back(entry);
    }
    const auto found = fault_in_tree(table);
    return found ? std::to_string(found->index) + ": " + found->text : "";
}

TEST(MountTree, WhatKernelsShow) {
    EXPECT_EQ(fault_in_tree(docker_hybrid_volume().mounts), std::nullopt);
    EXPECT_EQ(fault({{10, 1, "/"}, {11, 10, "/proc"}, {12, 11, "/proc/sys"}, {13, 12, "/proc/sys"}}), "");
    EXPECT_EQ(fault({{12, 11, "/proc/sys"}, {11, 10, "/proc"}, {10, 1, "/"}}), "") << "in any order";
    EXPECT_EQ(fault({{1, 1, "/"}, {2, 1, "/proc"}}), "") << "the first mount of all is its own parent";
    EXPECT_EQ(fault({{11, 10, "/proc"}, {12, 10, "/sys"}}), "") << "the root directory is no mount point";
    EXPECT_EQ(fault({{10, 1, "/"}, {11, 10, "/x"}, {12, 10, "/x"}}), "") << "side by side, before Linux 4.11";
    EXPECT_EQ(fault({}), "");
}

TEST(MountTree, APartIsMissing) {
    EXPECT_EQ(fault({{10, 1, "/"}, {12, 11, "/proc/sys"}}), "1: mount 11, on which it lies, is missing");
    EXPECT_EQ(fault({{12, 11, "/proc/sys"}, {10, 1, "/"}}), "0: mount 11, on which it lies, is missing");
    EXPECT_EQ(fault({{10, 1, "/"}, {12, 1, "/sys"}}), "1: mount 1, on which it lies, is missing");
    EXPECT_EQ(fault({{10, 1, "/"}, {12, 2, "/"}}), "1: mount 2, on which it lies, is missing");
    EXPECT_EQ(fault({{11, 10, "/proc"}, {12, 9, "/sys"}}), "1: mount 9, on which it lies, is missing");
}

TEST(MountTree, WhatCannotBe) {
    EXPECT_EQ(fault({{10, 1, "/"}, {11, 10, "/a"}, {11, 10, "/b"}}), "2: its mount id is there twice");
    EXPECT_EQ(fault({{10, 1, "/"}, {11, 10, "/proc"}, {12, 11, "/process"}}),
              "2: it does not lie below /proc, its parent");
    EXPECT_EQ(fault({{10, 1, "/"}, {11, 12, "/a"}, {12, 11, "/a"}}), "1: it lies on itself");
    EXPECT_EQ(fault({{11, 12, "/a"}, {12, 11, "/a"}}), "0: it lies on itself") << "and there is no other";
}

}  // namespace
}  // namespace cginit
