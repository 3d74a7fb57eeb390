#include "core/path.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

TEST(Path, Join) {
    struct Case {
        const char *base, *tail, *joined;
    };
    for (const Case& c : {Case{"/a", "/b", "/a/b"},
                          {"/a", "b", "/a/b"},
                          {"/a/", "/b", "/a/b"},
                          {"/a", "/", "/a"},
                          {"/a", "", "/a"},
                          {"/", "b", "/b"},
                          {"/", "/", "/"},
                          {"/", "", "/"},
                          {"", "b", "/b"},
                          {"/a", "//b/c", "/a/b/c"}}) {
        EXPECT_EQ(join_path(c.base, c.tail), c.joined) << c.base << " + " << c.tail;
    }
}

TEST(Path, BelowNeedsABoundary) {
    struct Case {
        const char *path, *base;
        bool at_or_below;
        const char* rest;
    };
    for (const Case& c : {Case{"/a/b", "/a", true, "/b"},
                          {"/a", "/a", true, ""},
                          {"/ab", "/a", false, ""},
                          {"/a", "/a/b", false, ""},
                          {"/a", "/", true, "/a"},
                          {"/", "/", true, ""},
                          {"/a/b/c", "/a/b/", true, "/c"},
                          {"/a/", "/a", true, ""},
                          {"/b", "/a", false, ""}}) {
        EXPECT_EQ(is_at_or_below(c.path, c.base), c.at_or_below) << c.path << " below " << c.base;
        const std::optional<std::string> rest = path_below(c.path, c.base);
        ASSERT_EQ(rest.has_value(), c.at_or_below) << c.path << " below " << c.base;
        EXPECT_EQ(rest.value_or(""), c.rest) << c.path << " below " << c.base;
    }
}

TEST(Path, PlainIsHowTheKernelWritesIt) {
    for (const char* path : {"/", "/a", "/a/b", "/..", "/../a", "/a/.b", "/a."}) {
        EXPECT_TRUE(is_plain_path(path)) << path;
    }
    for (const char* path : {"", "a", "//", "//a", "/a/", "/a//b", "/.", "/a/.", "/./a"}) {
        EXPECT_FALSE(is_plain_path(path)) << path;
    }
}

TEST(Path, ParentAndBaseName) {
    struct Case {
        const char *path, *parent, *name;
    };
    for (const Case& c : {Case{"/a/b", "/a", "b"},
                          {"/a", "/", "a"},
                          {"/", "/", ""},
                          {"/a/b/", "/a", "b"},
                          {"/a//b", "/a", "b"},
                          {"a", "/", "a"},
                          {"", "/", ""}}) {
        EXPECT_EQ(parent_path(c.path), c.parent) << c.path;
        EXPECT_EQ(base_name(c.path), c.name) << c.path;
    }
}

}  // namespace
}  // namespace cginit
