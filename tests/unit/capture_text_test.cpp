#include "core/capture_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/text.hpp"

namespace cginit {
namespace {

std::string error_of(const std::string& text) {
    const Result<Capture> capture = parse_capture_text(text, "report");
    return capture ? "none" : capture.error().message();
}

TEST(CaptureText, IsReadable) {
    const Capture capture{"cginit 0.1.0 --capture\n\n",
                          {{"/cginit/facts", "pid 1\n"}, {"/empty", ""}, {"/proc/self/mountinfo", "1 2 3 \\040\n4\n"}}};
    const std::string text =
        "cginit 0.1.0 --capture\n\n"
        "-- cginit/facts --\n"
        "pid 1\n"
        "-- empty --\n"
        "-- proc/self/mountinfo --\n"
        "1 2 3 \\040\n"
        "4\n"
        "-- end --\n";
    EXPECT_EQ(capture_text(capture), text);
    EXPECT_EQ(parse_capture_text(text, "x").value(), capture);
}

TEST(CaptureText, WhatIsNoTextIsEscaped) {
    struct Case {
        std::string content;
        const char* written;
    };
    using namespace std::string_literals;
    for (const Case& c : {Case{"label\0"s, "label\\000\n"},
                          {"no end of line", "no end of line\n"},
                          {"a\n-- b --\n", "a\\n\n\\055- b --\\n\n"},
                          {"a\\b\r\n", "a\\\\b\\015\\n\n"},
                          {"\xff\n", "\\377\\n\n"},
                          {"\xc3\n", "\\303\\n\n"},
                          {"\x80", "\\200\n"},
                          {"\x7f\x1b[2J\n", "\\177\\033[2J\\n\n"},
                          {"\n\n\0\n"s, "\\n\n\\n\n\\000\\n\n"}}) {
        const Capture capture{"", {{"/a", c.content}, {"/b", "plain\n"}}};
        EXPECT_EQ(capture_text(capture), concat({"-- a (escaped) --\n", c.written, "-- b --\nplain\n-- end --\n"}));
        EXPECT_EQ(parse_capture_text(capture_text(capture), "x").value(), capture) << c.written;
    }
    // A control character of eight bits, and one that turns the direction of reading.
    for (const char* other : {"\xc2\x9b\n", "\xe2\x80\xae\n"}) {
        const std::string text = capture_text({"", {{"/a", other}}});
        EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
        EXPECT_EQ(parse_capture_text(text, "x").value().files.at("/a"), other);
    }
    const Capture plain{"", {{"/a", "\tab ~\n--\n-- --\n--  --x\n"}}};
    EXPECT_EQ(capture_text(plain), concat({"-- a --\n", plain.files.at("/a"), "-- end --\n"}));
    EXPECT_EQ(parse_capture_text(capture_text(plain), "x").value(), plain);
}

TEST(CaptureText, EveryByteComesBack) {
    std::string all;
    for (int i = 0; i < 3 * 256; ++i) {
        all += static_cast<char>(i * 7);
    }
    const Capture capture{"for people\n", {{"/all", all}, {"/odd name/-- x --", "1\n"}}};
    EXPECT_EQ(parse_capture_text(capture_text(capture), "x").value(), capture);
}

/// A mount point can have any name.
TEST(CaptureText, NoPathBreaksIt) {
    Capture capture;
    for (const char* path :
         {"/end", "/a (escaped)", "/a\n-- end --\n/b", "/a\tb\\040", "/\033[2J", "/\xc2\x9b", "/end/end", "/-- a --"}) {
        capture.files[path] = "1\n";
    }
    const std::string text = capture_text(capture);
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    EXPECT_EQ(parse_capture_text(text, "x").value(), capture);
}

/// Pasted from a mail or a web page, with other line ends, and something before and after.
TEST(CaptureText, SurvivesBeingPasted) {
    const Capture wanted{"It does not start:\n```\n", {{"/a", "1\n"}, {"/b", "2\n"}}};
    const std::string text = "It does not start:\n```\n-- a --\n1\n-- b --\n2\n-- end --\n```\n-- a --\nThanks!\n";
    EXPECT_EQ(parse_capture_text(text, "x").value(), wanted);
    EXPECT_EQ(parse_capture_text(join(split(text, '\n'), "\r\n"), "x").value(), wanted);
    EXPECT_EQ(parse_capture_text("-- a --\n1", "x").value().files.at("/a"), "1\n") << "without the last line";
}

TEST(CaptureText, WhatIsWrongIsToldWithItsLine) {
    const std::string cure = "; cginit --capture writes such files";
    for (const auto& [text, error] : std::vector<std::pair<std::string, std::string>>{
             {"", "report: no capture: no line is `-- PATH --`" + cure},
             {"words\n--a--\n-- end --\n", "report: no capture: no line is `-- PATH --`" + cure},
             {"cginit 0.1.0 --capture\n-- a --\n1\n", "report: cut off: the last line is not `-- end --`" + cure},
             {"capture.sh\n-- a --\n1\n-- en", "report: cut off: the last line is not `-- end --`" + cure},
             {"-- a --\n-- b --\n-- a --\n", "report:3: a is there twice" + cure},
             {"\n-- /a --\n", "report:2: no path of a file: /a" + cure},
             {"-- a\\8 --\n", "report:1: no path of a file: a\\8" + cure},
             {"-- a/./b --\n", "report:1: no path of a file: a/./b" + cure},
             {"-- a (escaped) --\nx\\n\n\\8\n", "report:3: an escape is none: \\8" + cure},
             {"-- a (escaped) --\n\\", "report:2: an escape is none: \\" + cure},
             {"-- a (escaped) --\n\\400\n", "report:2: an escape is none: \\400" + cure}}) {
        EXPECT_EQ(error_of(text), error);
    }
}

}  // namespace
}  // namespace cginit
