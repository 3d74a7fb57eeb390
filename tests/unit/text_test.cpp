#include "core/text.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

using Pieces = std::vector<std::string>;

TEST(Text, Split) {
    EXPECT_EQ(split("", ','), Pieces());
    EXPECT_EQ(split("a", ','), Pieces({"a"}));
    EXPECT_EQ(split("a,b", ','), Pieces({"a", "b"}));
    EXPECT_EQ(split(",a,,", ','), Pieces({"", "a", "", ""}));
    EXPECT_EQ(split(",", ','), Pieces({"", ""}));
}

TEST(Text, Words) {
    EXPECT_EQ(words_of(" \n"), Pieces());
    EXPECT_EQ(words_of("cpu"), Pieces({"cpu"}));
    EXPECT_EQ(words_of("         0          0 4294967295\n"), Pieces({"0", "0", "4294967295"}));
}

TEST(Text, JoinAndConcat) {
    EXPECT_EQ(join({}, ", "), "");
    EXPECT_EQ(join({"a"}, ", "), "a");
    EXPECT_EQ(join({"a", "a", ""}, ", "), "a, a, ");
    EXPECT_EQ(concat({}), "");
    EXPECT_EQ(concat({"a", "", "b"}), "ab");
}

TEST(Text, NumbersFillTheWholeText) {
    EXPECT_EQ(parse_number("0"), 0u);
    EXPECT_EQ(parse_number("4026531835"), 4026531835u);
    EXPECT_EQ(parse_number("18446744073709551615"), 18446744073709551615u);
    for (const char* bad : {"", " 1", "1 ", "-1", "+1", "0x1", "1a", "18446744073709551616"}) {
        EXPECT_EQ(parse_number(bad), std::nullopt) << bad;
    }
    EXPECT_EQ(parse_hex("00000000a80425fb"), 0xa80425fbu);
    EXPECT_EQ(parse_hex("FF"), 255u);
    for (const char* bad : {"", "0x1", "g", "1 ", "10000000000000000"}) {
        EXPECT_EQ(parse_hex(bad), std::nullopt) << bad;
    }
}

TEST(Text, Trim) {
    EXPECT_EQ(trim(" \ta b\r\n"), "a b");
    EXPECT_EQ(trim(""), "");
    EXPECT_EQ(trim(" \n"), "");
    EXPECT_EQ(trim("a"), "a");
}

}  // namespace
}  // namespace cginit
