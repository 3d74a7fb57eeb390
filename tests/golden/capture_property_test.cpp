#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "cginit/options.hpp"
#include "golden/replay.hpp"
#include "read/gather.hpp"
#include "report/capture.hpp"
#include "unit/temp_root.hpp"

// What --capture writes gives the Snapshot that it was made of, and so the plan.

namespace cginit {
namespace {

/// The files that gather() reads of a capture, and what it makes of them.
std::pair<Files, Snapshot> noted(const std::string& capture) {
    Files texts;
    Source source = open_capture(capture);
    source.note_texts(&texts);
    Result<Snapshot> snapshot = gather(source, std::nullopt, std::nullopt);
    return {std::move(texts), snapshot ? std::move(*snapshot) : Snapshot{}};
}

Snapshot written_and_gathered(const Files& texts, const Snapshot& snapshot) {
    const TempRoot root;
    root.file("/capture", capture_text({"for people\n", capture_files(texts, snapshot)}));
    const Result<Source> source = Source::open(root.path() + "/capture");
    const Result<Snapshot> again =
        source ? gather(*source, std::nullopt, std::nullopt) : Result<Snapshot>(source.error());
    EXPECT_TRUE(again) << again.error().message();
    return again ? *again : Snapshot{};
}

class CaptureProperty : public ::testing::TestWithParam<std::string> {};

TEST_P(CaptureProperty, ACaptureOfACaptureIsTheSame) {
    const auto [texts, snapshot] = noted(GetParam());
    ASSERT_FALSE(snapshot.mounts.empty());
    const Snapshot again = written_and_gathered(texts, snapshot);
    EXPECT_EQ(again, snapshot);
    EXPECT_EQ(replay(again, {}).text, replay(snapshot, {}).text);
}

/// As folders, and in tar archives, captures are read still.
TEST_P(CaptureProperty, TheSameInAFolder) {
    const auto [texts, snapshot] = noted(GetParam());
    const TempRoot root;
    for (const auto& [path, content] : capture_files(texts, snapshot)) {
        root.file(path, content);
    }
    const Result<Snapshot> again = gather(root.source(), std::nullopt, std::nullopt);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, snapshot);
}

/// Every directory as a kernel can show it, and one that could not be looked at.
TEST_P(CaptureProperty, CgroupDirectoriesAreKept) {
    auto [texts, snapshot] = noted(GetParam());
    std::erase_if(texts, [](const auto& file) { return file.first.ends_with("/memory.use_hierarchy"); });
    std::size_t number = GetParam().size();
    for (auto& [point, directory] : snapshot.directories) {
        const Tri root = std::array{Tri::unknown, Tri::no, Tri::yes}.at(number++ % 3);
        const bool v2 = visible_mount_at(snapshot.mounts, point)->fstype == "cgroup2";
        directory = {v2 ? Tri::unknown : root, v2 ? root : Tri::unknown, Tri::unknown};
    }
    EXPECT_EQ(written_and_gathered(texts, snapshot).directories, snapshot.directories);
}

INSTANTIATE_TEST_SUITE_P(Captures, CaptureProperty, ::testing::ValuesIn(captures()),
                         [](const auto& param) { return test_name(param.param); });

/// Facts of a running container that a folder of files does not show by itself.
TEST(CaptureFiles, WhatNoFileTellsIsKept) {
    const auto [texts, captured] = noted("docker-v1hybrid-capsysadmin");
    for (const PlaceType type : {PlaceType::absent, PlaceType::directory, PlaceType::empty, PlaceType::symlink,
                                 PlaceType::other, PlaceType::unknown}) {
        Snapshot snapshot = captured;
        snapshot.pid = 1 + static_cast<int>(type);
        snapshot.init = {InitKind::systemd, std::nullopt, "/opt/init", "there is a libsystemd-shared of each of 1, 2"};
        snapshot.places = {{"/run", PlaceType::directory}, {"/run/lock", type}, {"/tmp", type}, {kJournal, type}};
        snapshot.host_ttys = std::vector<std::string>();
        EXPECT_EQ(written_and_gathered(texts, snapshot), snapshot);
        snapshot.init = {InitKind::busybox, std::nullopt, "/bin/busybox"};
        snapshot.places["/run"] = type;
        snapshot.host_ttys = {"tty0", "tty63"};
        EXPECT_EQ(written_and_gathered(texts, snapshot), snapshot);
        snapshot.host_ttys.reset();
        EXPECT_EQ(written_and_gathered(texts, snapshot), snapshot);
    }
}

}  // namespace
}  // namespace cginit
