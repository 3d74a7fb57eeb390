#include "report/text.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

struct WrapCase {
    const char* text;
    const char* expected;
};

TEST(Wrap, AtBlanksBelowTheLastColumn) {
    const std::vector<WrapCase> cases = {
        {"", ""},
        {"short\n", "short\n"},
        {"exactly twenty chars", "exactly twenty chars"},
        {"one more than twenty!", "one more than\n  twenty!"},
        {"  key  some words that go on", "  key  some words\n       that go on"},
        {" 12. mount it there and then there", " 12. mount it there\n     and then there"},
        {"  a/path/that/is/longer/than/any/line and more", "  a/path/that/is/longer/than/any/line\n    and more"},
        {"  \033[1mbold\033[0m text is as wide", "  \033[1mbold\033[0m text is as\n    wide"},
        {"first is long enough to wrap\nsecond", "first is long enough\n  to wrap\nsecond"},
    };
    for (const WrapCase& c : cases) {
        EXPECT_EQ(wrapped(c.text, 20), c.expected);
    }
}

}  // namespace
}  // namespace cginit
