#include <gtest/gtest.h>

#include <ostream>
#include <set>

#include "core/text.hpp"
#include "golden/expected_file.hpp"
#include "golden/promises.hpp"
#include "golden/replay.hpp"
#include "report/text_style.hpp"

// Every capture under every option that matters gives the plan in tests/golden/expected, byte for byte.
// CGINIT_UPDATE_GOLDEN=1 rewrites the files; the review reads the difference.

namespace cginit {

// Found by GoogleTest through the parameter's namespace.
static void PrintTo(const Case& which, std::ostream* os) { *os << which.name(); }

namespace {

class Golden : public ::testing::TestWithParam<Case> {};

TEST_P(Golden, Plan) {
    const Replay result = replay(GetParam());
    const std::string difference = compare_with_expected(GetParam().name(), result.text);
    EXPECT_TRUE(difference.empty()) << GetParam().name() << "\n" << difference;
}

INSTANTIATE_TEST_SUITE_P(Captures, Golden, ::testing::ValuesIn(cases()),
                         [](const auto& param) { return test_name(param.param.name()); });

class GoldenFacts : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenFacts, World) {
    const std::string name = GetParam() + ".facts";
    const Case as_captured{GetParam(), {"default", {}, {}}};
    const std::string difference = compare_with_expected(name, world_text(replay(as_captured).world));
    EXPECT_TRUE(difference.empty()) << name << "\n" << difference;
}

INSTANTIATE_TEST_SUITE_P(Captures, GoldenFacts, ::testing::ValuesIn(captures()),
                         [](const auto& param) { return test_name(param.param); });

class GoldenExplanation : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenExplanation, Text) {
    const std::string name = GetParam() + ".explain";
    const std::string text =
        explanation_of(replay(Case{GetParam(), {"default", {}, InitTraits{InitKind::systemd, 252, {}}}}).snapshot);
    const std::string difference = compare_with_expected(name, text);
    EXPECT_TRUE(difference.empty()) << name << "\n" << difference;
    for (const std::string& line : split(text, '\n')) {
        // A word that is longer, such as a path, is not broken.
        EXPECT_TRUE(line.size() <= TextStyle{}.width || trim(line).find(' ') == std::string::npos) << line;
    }
}

INSTANTIATE_TEST_SUITE_P(Captures, GoldenExplanation, ::testing::ValuesIn(captures()),
                         [](const auto& param) { return test_name(param.param); });

TEST(GoldenFiles, NoneIsLeftOver) {
    std::set<std::string> wanted;
    for (const Case& which : cases()) {
        EXPECT_TRUE(wanted.insert(which.name() + ".txt").second) << which.name() << " is there twice";
    }
    for (const std::string& capture : captures()) {
        wanted.insert(capture + ".facts.txt");
        wanted.insert(capture + ".explain.txt");
    }
    for (const std::string& file : expected_files()) {
        EXPECT_TRUE(wanted.count(file) != 0 || remove_expected(file)) << file << " belongs to no capture";
    }
}

TEST(GoldenFiles, EveryCaseIsOfACaptureThatIsThere) {
    const std::vector<std::string> names = captures();
    const std::set<std::string> there(names.begin(), names.end());
    for (const Case& which : cases()) {
        EXPECT_EQ(there.count(which.capture), 1U) << which.capture;
    }
}

TEST(GoldenFiles, Difference) {
    EXPECT_EQ(difference("a\nb\nc\n", "a\nb\nc\n"), "");
    EXPECT_EQ(difference("a\nb\nc\n", "a\nX\nc\n"), "@@ line 2\n-b\n+X\n");
    EXPECT_EQ(difference("a\nc\n", "a\nb\nc\n"), "@@ line 2\n+b\n");
    EXPECT_EQ(difference("a\na\n", "a\n"), "@@ line 2\n-a\n");
    EXPECT_EQ(difference("a\n", "a"), "@@ line 2\n-\n");
    EXPECT_EQ(difference("", "a\n"), "@@ line 1\n+a\n+\n");
}

}  // namespace
}  // namespace cginit
