#include "cginit/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace cginit {
namespace {

TEST(Error, TellsFramesThenErrnoThenCure) {
    const Error error = make_errno_error(EINVAL, "mount(MS_MOVE) /sys/fs/cgroup")
                            .in("step 3 (why)")
                            .with_hint({ErrorCode::shared_parent, {}, {"do it"}});
    EXPECT_EQ(error.message(), "step 3 (why): mount(MS_MOVE) /sys/fs/cgroup: Invalid argument; do it");
    EXPECT_EQ(make_error(ErrorCode::usage, "a").message(), "a");
    EXPECT_EQ(make_error(ErrorCode::usage, "a", {"b"}).message(), "a; b");
    EXPECT_EQ(Error{}.message(), "");
    EXPECT_EQ(make_errno_error(EPERM, "a").with_hint({ErrorCode::busy, "so", {"b", "c"}}).message(),
              "a: Operation not permitted; so: b, or c");
    EXPECT_EQ(make_errno_error(EPERM, "a").with_hint({ErrorCode::busy, "so"}).message(),
              "a: Operation not permitted; so");
    EXPECT_EQ(make_errno_error(EPERM, "").message(), "Operation not permitted");
}

TEST(Error, KeepsTheFirstCureAndTheKind) {
    Error error = make_error(ErrorCode::usage, "a", {"first"});
    error.kind = ErrorKind::not_found;
    EXPECT_EQ(error.with_hint({ErrorCode::busy, {}, {"second"}}).cures, Cures{"first"});
    EXPECT_EQ(error.in("b").kind, ErrorKind::not_found);
    EXPECT_EQ(error.frames.size(), 1u) << "in() returns a copy";
}

TEST(Error, CodeComesWithTheCureAndEndsTheLine) {
    const Error error = make_errno_error(EINVAL, "move");
    EXPECT_EQ(error.line(), "move: Invalid argument (CG-SYSCALL)");
    EXPECT_EQ(error.with_hint({}).line(), "move: Invalid argument (CG-SYSCALL)");
    EXPECT_EQ(error.with_hint({ErrorCode::shared_parent, {}, {"do it"}}).line(),
              "move: Invalid argument; do it (CG-SHAREDPARENT)");
    EXPECT_EQ(make_error(ErrorCode::no_view, "a", {"b"}).with_hint({ErrorCode::busy, {}, {"c"}}).line(),
              "a; b (CG-NOVIEW)");
}

TEST(Error, InitsHaveTwoKindsAndCodes) {
    EXPECT_EQ(make_errno_error(ENOENT, "a").about_init(ErrorKind::not_found).code, ErrorCode::no_init);
    EXPECT_EQ(make_errno_error(EACCES, "a").about_init(ErrorKind::cannot_execute).code, ErrorCode::bad_init);
    EXPECT_EQ(make_errno_error(EACCES, "a").about_init(ErrorKind::cannot_execute).kind, ErrorKind::cannot_execute);
}

TEST(Error, ExitStatus) {
    EXPECT_EQ(exit_status(ErrorKind::refused), 125);
    EXPECT_EQ(exit_status(ErrorKind::cannot_execute), 126);
    EXPECT_EQ(exit_status(ErrorKind::not_found), 127);
}

TEST(Error, ErrnoText) {
    EXPECT_EQ(errno_text(ENOENT), "No such file or directory");
    EXPECT_EQ(errno_text(4711), "errno 4711");
    EXPECT_EQ(errno_text(-1), "errno -1");
}

TEST(Result, HoldsValueOrError) {
    const Result<int> good = 3;
    const Result<int> bad = make_error(ErrorCode::usage, "no");
    EXPECT_TRUE(good);
    EXPECT_EQ(*good, 3);
    EXPECT_FALSE(bad);
    EXPECT_EQ(bad.error().message(), "no");
    EXPECT_TRUE(Status());
    EXPECT_FALSE(Status(make_error(ErrorCode::usage, "no")));
}

}  // namespace
}  // namespace cginit
