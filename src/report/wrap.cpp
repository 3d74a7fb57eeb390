#include "report/text.hpp"

#include <algorithm>
#include <vector>

#include "core/text.hpp"

namespace cginit {
namespace {

/// Columns without escape sequences (`\033[1m`), which take none.
std::size_t visible_columns(const std::string& text) {
    std::string plain;
    bool escape = false;
    for (const char c : text) {
        if (c == '\033') {
            escape = true;
        } else if (escape) {
            escape = c != 'm';
        } else {
            plain += c;
        }
    }
    return columns(plain);
}

/// ` 12. mount cgroup2`: 5, where the text starts; 0 for a line without a number.
std::size_t after_number(const std::string& line, std::size_t indent) {
    const std::size_t end = line.find_first_not_of("0123456789", indent);
    return end != std::string::npos && end > indent && line.compare(end, 2, ". ") == 0 ? end + 2 : 0;
}

/// Where the lines that go on start: below what follows the number, or the last run of blanks that separates columns, or two
/// further in.
std::size_t hanging_indent(const std::string& line, std::size_t width) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    if (const std::size_t numbered = after_number(line, indent); numbered != 0) {
        return numbered;
    }
    std::size_t column = 0;
    for (std::size_t at = indent; (at = line.find("  ", at)) != std::string::npos;) {
        at = line.find_first_not_of(' ', at);
        if (at == std::string::npos || at > width / 2) {
            break;
        }
        column = at;
    }
    return column != 0 ? column : indent + 2;
}

std::string wrapped_line(const std::string& line, std::size_t width) {
    if (visible_columns(line) <= width) {
        return line;
    }
    const std::string hang(hanging_indent(line, width), ' ');
    const std::size_t begin = std::max(std::min(line.find_first_not_of(' '), line.size()), hang.size());
    std::string text = line.substr(0, begin);
    std::size_t used = visible_columns(text);
    bool first = true;
    for (const std::string& word : split(line.substr(begin), ' ')) {
        if (!first && used + 1 + visible_columns(word) > width) {
            text += "\n" + hang;
            used = hang.size();
            first = true;
        }
        text += first ? word : " " + word;
        used += visible_columns(word) + (first ? 0 : 1);
        first = false;
    }
    return text;
}

}  // namespace

std::string wrapped(const std::string& text, std::size_t width) {
    std::vector<std::string> lines;
    for (const std::string& line : split(text, '\n')) {
        lines.push_back(wrapped_line(line, width));
    }
    return join(lines, "\n");
}

}  // namespace cginit
