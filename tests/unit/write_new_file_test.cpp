#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cerrno>

#include "apply/linux/files.hpp"
#include "unit/temp_root.hpp"

namespace cginit {
namespace {

TEST(WriteNewFile, IsWhole) {
    const TempRoot root;
    const std::string content(1234567, 'x');
    EXPECT_TRUE(write_new_file(root.path() + "/report", content));
    EXPECT_EQ(root.source().read("/report").value(), content);
    EXPECT_TRUE(write_new_file(root.path() + "/empty", ""));
    EXPECT_EQ(root.source().read("/empty").value(), "");
}

TEST(WriteNewFile, NothingIsOverwritten) {
    const TempRoot root;
    root.file("/file", "before");
    root.link("/link", "target");
    root.directory("/directory");
    for (const char* name : {"/file", "/link", "/directory"}) {
        const Status status = write_new_file(root.path() + name, "after");
        ASSERT_FALSE(status) << name;
        EXPECT_EQ(status.error().message(), "create " + root.path() + name + ": File exists");
    }
    EXPECT_EQ(root.source().read("/file").value(), "before");
    EXPECT_FALSE(root.source().exists("/target"));
    EXPECT_EQ(write_new_file(root.path() + "/none/file", "").error().errnum, ENOENT);
}

TEST(WriteNewFile, NoHalfFileStays) {
    const TempRoot root;
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{1000, before.rlim_max};
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Status status = write_new_file(root.path() + "/report", std::string(5000, 'x'));
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message(), "write " + root.path() + "/report: File too large");
    EXPECT_FALSE(root.source().exists("/report"));
}

}  // namespace
}  // namespace cginit
