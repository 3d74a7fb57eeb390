#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <ostream>

#include "core/path.hpp"
#include "core/text.hpp"
#include "golden/expected_file.hpp"
#include "golden/promises.hpp"
#include "report/mount_rows.hpp"
#include "report/plan_text.hpp"

// What has to hold for every picture that the captures give, and the pictures of docs/views.md.

namespace cginit {

static void PrintTo(const Case& which, std::ostream* os) { *os << which.name(); }

namespace {

std::string picture_of(const Replay& replay, const TextStyle& style) {
    return replay.decision ? mount_picture(replay.world, *replay.decision, replay.plan, style)
                           : mount_picture(replay.world, style);
}

/// Without the colours.
std::string plain(const std::string& text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\033') {
            i = text.find('m', i);
        } else {
            result += text[i];
        }
    }
    return result;
}

class PictureProperty : public ::testing::TestWithParam<Case> {
protected:
    Replay replay_ = replay(GetParam());
};

TEST_P(PictureProperty, FitsAndShowsNothingOfTheHostAfterwards) {
    EXPECT_EQ(wrong_with_pictures(replay_), std::vector<std::string>());
}

TEST_P(PictureProperty, ColourChangesNothingElse) {
    EXPECT_EQ(plain(picture_of(replay_, {false, true, 80})), picture_of(replay_, {false, false, 80}));
}

TEST_P(PictureProperty, ShowsWhatTheInitGets) {
    if (!replay_.decision) {
        return;
    }
    std::size_t shown = 0;
    for (const MountRow& row : mount_rows(replay_.world, *replay_.decision, replay_.plan)) {
        shown += row.after && row.after->reach && is_at_or_below(row.point, kCgroupRoot) ? 1U : 0U;
    }
    const auto& choices = replay_.decision->hierarchies;
    const auto visible = std::count_if(choices.begin(), choices.end(), [](const HierarchyDecision& choice) {
        return choice.access != Access::left_out;
    });
    EXPECT_GE(shown, static_cast<std::size_t>(visible));
    EXPECT_GT(shown, 0U);
}

INSTANTIATE_TEST_SUITE_P(Captures, PictureProperty, ::testing::ValuesIn(cases()),
                         [](const auto& param) { return test_name(param.param.name()); });

constexpr std::string_view kMark = "<!-- view: ";
constexpr std::string_view kMarkEnd = " -->\n```\n";
constexpr std::string_view kBlockEnd = "```\n";

std::string picture_of_case(const std::string& name) {
    for (const Case& which : cases()) {
        if (which.name() == name) {
            return picture_of(replay(which), {true, false, 80});
        }
    }
    ADD_FAILURE() << "no case " << name;
    return {};
}

/// The page with what each block after a mark `<!-- view: CASE -->` has to be.
std::string with_pictures(const std::string& page) {
    std::string made;
    std::size_t done = 0;
    for (std::size_t mark = page.find(kMark); mark != std::string::npos; mark = page.find(kMark, done)) {
        const std::size_t name = mark + kMark.size();
        const std::size_t name_end = page.find(kMarkEnd, name);
        const std::size_t block_end = page.find(kBlockEnd, name_end + kMarkEnd.size());
        if (name_end == std::string::npos || block_end == std::string::npos) {
            ADD_FAILURE() << "no block after the mark";
            break;
        }
        const std::size_t block = name_end + kMarkEnd.size();
        made += page.substr(done, block - done) + picture_of_case(page.substr(name, name_end - name));
        done = block_end;
    }
    return made + page.substr(done);
}

TEST(ViewsPage, ShowsWhatIsDrawn) {
    const std::string path = std::string(CGINIT_SOURCE_DIR) + "/docs/views.md";
    std::ifstream file(path, std::ios::binary);
    const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    for (const char* view : {"## v1\n", "## hybrid\n", "## comount\n", "## unified\n"}) {
        const std::size_t title = page.find(view);
        ASSERT_NE(title, std::string::npos) << view;
        EXPECT_LT(page.find(kMark, title), page.find("\n## ", title + 1)) << view;
    }
    EXPECT_EQ(compare_with_file(path, with_pictures(page)), "");
}

}  // namespace
}  // namespace cginit
