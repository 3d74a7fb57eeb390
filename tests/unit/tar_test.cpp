#include "report/tar.hpp"

#include <gtest/gtest.h>

namespace cginit {
namespace {

std::string field(const std::string& header, std::size_t begin, std::size_t size) {
    return header.substr(begin, size).c_str();  // up to its first NUL byte
}

/// The sum of all bytes, with blanks for the checksum's own.
std::size_t sum_of(std::string header) {
    header.replace(148, 8, "        ");
    std::size_t sum = 0;
    for (const char byte : header) {
        sum += static_cast<unsigned char>(byte);
    }
    return sum;
}

TEST(Tar, HeaderIsThatOfPax) {
    const std::string archive = tar_archive({{"/proc/self/cgroup", "0::/\n"}});
    ASSERT_EQ(archive.size(), 4U * 512U) << "header, content, and two blocks of zeros";
    const std::string header = archive.substr(0, 512);
    EXPECT_EQ(field(header, 0, 100), "proc/self/cgroup");
    EXPECT_EQ(field(header, 100, 8), "0000644");
    EXPECT_EQ(field(header, 108, 8), "0000000");
    EXPECT_EQ(field(header, 116, 8), "0000000");
    EXPECT_EQ(field(header, 124, 12), "00000000005");
    EXPECT_EQ(field(header, 136, 12), "00000000000");
    EXPECT_EQ(std::stoul(field(header, 148, 8), nullptr, 8), sum_of(header));
    EXPECT_EQ(header.substr(154, 2), std::string("\0 ", 2));
    EXPECT_EQ(header[156], '0');
    EXPECT_EQ(header.substr(257, 8), std::string("ustar\00000", 8));
    EXPECT_EQ(field(header, 345, 155), "");
    EXPECT_EQ(archive.substr(512, 512), std::string("0::/\n") + std::string(507, '\0'));
    EXPECT_EQ(archive.substr(1024), std::string(1024, '\0'));
}

TEST(Tar, ContentFillsWholeBlocks) {
    EXPECT_EQ(tar_archive({}).size(), 1024U);
    EXPECT_EQ(tar_archive({{"/a", ""}}).size(), 1024U + 512U);
    EXPECT_EQ(tar_archive({{"/a", std::string(512, 'x')}}).size(), 1024U + 1024U);
    EXPECT_EQ(tar_archive({{"/a", std::string(513, 'x')}}).size(), 1024U + 1536U);
    const std::string two = tar_archive({{"/b", "2"}, {"/a", "1"}});
    EXPECT_EQ(field(two, 0, 100), "a");
    EXPECT_EQ(field(two, 1024, 100), "b");
}

/// Prefix and name are cut at a slash; what cannot be cut so that both fit is a member of its own before.
TEST(Tar, LongNames) {
    const auto letters = [](std::size_t count) { return std::string(count, 'n'); };
    struct Case {
        std::string path;
        std::string prefix;
        std::string name;
    };
    for (const Case& c : {Case{letters(100), "", letters(100)},
                          {letters(98) + "/a", "", letters(98) + "/a"},
                          {letters(99) + "/a", letters(99), "a"},
                          {letters(155) + "/" + letters(100), letters(155), letters(100)},
                          {"a/b/" + letters(100), "a/b", letters(100)}}) {
        const std::string archive = tar_archive({{"/" + c.path, "x"}});
        EXPECT_EQ(field(archive, 345, 155), c.prefix);
        EXPECT_EQ(field(archive, 0, 100), c.name);
        EXPECT_EQ(archive[156], '0');
    }
    for (const std::string& path : {letters(101), "a/" + letters(101), letters(156) + "/a", letters(600)}) {
        const std::string archive = tar_archive({{"/" + path, "x"}});
        EXPECT_EQ(field(archive, 0, 100), "././@LongLink");
        EXPECT_EQ(archive[156], 'L');
        EXPECT_EQ(std::stoul(field(archive, 124, 12), nullptr, 8), path.size() + 1);
        EXPECT_EQ(field(archive, 512, path.size() + 1), path);
        const std::size_t file = 512 + (path.size() + 1 + 511) / 512 * 512;
        EXPECT_EQ(field(archive, file, 100), path.substr(0, 100));
        EXPECT_EQ(archive[file + 156], '0');
    }
}

}  // namespace
}  // namespace cginit
