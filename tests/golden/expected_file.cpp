#include "golden/expected_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "core/text.hpp"

namespace cginit {
namespace {

const std::string kExpected = std::string(CGINIT_SOURCE_DIR) + "/tests/golden/expected";
constexpr std::size_t kShownLines = 40;

std::string path_of(const std::string& name) { return kExpected + "/" + name + ".txt"; }

bool updating() {
    const char* value = std::getenv("CGINIT_UPDATE_GOLDEN");
    return value != nullptr && std::string(value) == "1";
}

std::string marked(const std::vector<std::string>& lines, std::size_t begin, std::size_t end, const char* mark) {
    std::string text;
    for (std::size_t i = begin; i < end && i < begin + kShownLines; ++i) {
        text += concat({mark, lines[i], "\n"});
    }
    if (end > begin + kShownLines) {
        text += concat({mark, "... ", std::to_string(end - begin - kShownLines), " more\n"});
    }
    return text;
}

}  // namespace

std::string difference(const std::string& expected, const std::string& actual) {
    if (expected == actual) {
        return {};
    }
    const std::vector<std::string> before = split(expected, '\n');
    const std::vector<std::string> after = split(actual, '\n');
    const std::size_t shorter = std::min(before.size(), after.size());
    std::size_t head = 0;
    while (head < shorter && before[head] == after[head]) {
        ++head;
    }
    std::size_t tail = 0;
    while (tail < shorter - head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) {
        ++tail;
    }
    return concat({"@@ line ", std::to_string(head + 1), "\n", marked(before, head, before.size() - tail, "-"),
                   marked(after, head, after.size() - tail, "+")});
}

std::string compare_with_file(const std::string& path, const std::string& text) {
    if (updating()) {
        std::ofstream file(path, std::ios::binary | std::ios::trunc);
        file << text;
        return file.flush() ? std::string() : concat({"cannot write ", path});
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return concat({"no expected file ", path, "; CGINIT_UPDATE_GOLDEN=1 writes it:\n", difference("", text)});
    }
    const std::string expected((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return difference(expected, text);
}

std::string compare_with_expected(const std::string& name, const std::string& text) {
    return compare_with_file(path_of(name), text);
}

std::set<std::string> expected_files() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kExpected)) {
        names.insert(entry.path().filename().string());
    }
    return names;
}

bool remove_expected(const std::string& name) {
    return updating() && std::filesystem::remove(std::filesystem::path(kExpected) / name);
}

}  // namespace cginit
