#include "report/text.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

TEST(TextStyle, Unicode) {
    struct Case {
        Strings environment;
        bool unicode;
    };
    for (const Case& c : std::vector<Case>{
             {{}, false},
             {{"LANG=C"}, false},
             {{"LANG=C.UTF-8"}, true},
             {{"LANG=de_DE.utf8"}, true},
             {{"LANG=en_US.Utf-8@euro"}, true},
             {{"LANG=de_DE.ISO-8859-1"}, false},
             {{"LC_CTYPE=UTF-8"}, true},
             {{"LANG=UTF-8.C"}, false},
             {{"LANG=x.UTF-8859"}, false},
             {{"LC_CTYPE=C.UTF-8", "LANG=C"}, true},
             {{"LANG=C.UTF-8", "LC_CTYPE=C"}, false},
             {{"LANG=C.UTF-8", "LC_CTYPE=C.UTF-8", "LC_ALL=POSIX"}, false},
             {{"LC_ALL=C.UTF-8", "LC_CTYPE=C", "LANG=C"}, true},
             {{"LC_ALL=", "LC_CTYPE=", "LANG=C.UTF-8"}, true},
             {{"LC_MESSAGES=C.UTF-8"}, false},
         }) {
        SCOPED_TRACE(testing::PrintToString(c.environment));
        EXPECT_EQ(text_style_for(c.environment, false), TextStyle({c.unicode, false, 80}));
    }
}

TEST(TextStyle, Colour) {
    struct Case {
        Strings environment;
        bool terminal;
        bool colour;
    };
    for (const Case& c : std::vector<Case>{
             {{"TERM=xterm"}, true, true},
             {{"TERM=xterm"}, false, false},
             {{}, true, false},
             {{"TERM="}, true, false},
             {{"TERM=dumb"}, true, false},
             {{"TERM=xterm", "NO_COLOR=1"}, true, false},
             {{"TERM=xterm", "NO_COLOR=0"}, true, false},
             {{"TERM=xterm", "NO_COLOR="}, true, true},
         }) {
        SCOPED_TRACE(testing::PrintToString(c.environment));
        EXPECT_EQ(text_style_for(c.environment, c.terminal), TextStyle({false, c.colour, 80}));
    }
}

TEST(TextShape, Columns) {
    EXPECT_EQ(columns(""), 0U);
    EXPECT_EQ(columns("abc"), 3U);
    EXPECT_EQ(columns("├─ a…"), 5U);
}

TEST(TextShape, Padded) {
    EXPECT_EQ(padded("a", 3), "a  ");
    EXPECT_EQ(padded("a…", 3), "a… ");
    EXPECT_EQ(padded("abcd", 3), "abcd");
}

TEST(TextShape, Escaped) {
    EXPECT_EQ(escaped("/a b~"), "/a b~");
    EXPECT_EQ(escaped("a\tb\nc\033[31md\x7f"), "a\\011b\\012c\\033[31md\\177");
    // U+009B, which begins a control sequence as ESC [ does, and a letter.
    EXPECT_EQ(escaped("\xc2\x9b\xc3\xbc\xff"), "\\302\\233\\303\\274\\377");
    EXPECT_EQ(escaped(std::string_view("\0a", 2)), "\\000a");
}

TEST(TextShape, Shortened) {
    struct Case {
        const char* text;
        std::size_t width;
        const char* ascii;
        const char* unicode;
    };
    for (const Case& c : std::vector<Case>{
             {"/docker/3aef6c8d", 16, "/docker/3aef6c8d", "/docker/3aef6c8d"},
             {"/docker/3aef6c8d", 15, "/docker/3aef...", "/dock…/3aef6c8d"},
             {"/docker/3aef6c8d/cginit", 22, "/docker/3aef.../cginit", "/docker/3aef6c…/cginit"},
             {"/docker/3aef6c8d/cginit", 12, "/docker/3...", "/doc…/cginit"},
             {"cpu,cpuacct,memory", 10, "cpu,cpu...", "cpu,cpuac…"},
             {"abcdef", 4, "a...", "abc…"},
             {"abcdef", 3, "abc", "ab…"},
             {"abcdef", 1, "a", "a"},
             {"abcdef", 0, "", ""},
         }) {
        SCOPED_TRACE(std::string(c.text) + " in " + std::to_string(c.width));
        EXPECT_EQ(shortened(c.text, c.width, {false}), c.ascii);
        EXPECT_EQ(shortened(c.text, c.width, {true}), c.unicode);
        EXPECT_LE(columns(shortened(c.text, c.width, {true})), c.width);
    }
}

}  // namespace
}  // namespace cginit
