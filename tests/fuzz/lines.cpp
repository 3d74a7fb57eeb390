#include "fuzz/lines.hpp"

#include <algorithm>
#include <optional>

#include "core/text.hpp"

namespace cginit {
namespace {

using Words = std::vector<std::string>::const_iterator;

/// Blanks, tabs, newlines and backslashes are written as `\040`, `\011`, `\012`, `\134` (seq_path(), fs/seq_file.c).
std::string unescaped(const std::string& text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string code = text.substr(i, 4);
        const bool octal = code.size() == 4 && code[0] == '\\' && code[1] >= '0' && code[1] <= '3' &&
                           code.find_first_not_of("01234567", 1) == std::string::npos;
        plain += octal ? static_cast<char>(std::stoi(code.substr(1), nullptr, 8)) : text[i];
        i += octal ? 3 : 0;
    }
    return plain;
}

/// The number in the last field that starts with `name`, 0 if there is none.
unsigned long group(Words begin, Words end, const std::string& name) {
    unsigned long number = 0;
    for (; begin != end; ++begin) {
        number = begin->starts_with(name) ? parse_number(begin->substr(name.size())).value_or(0) : number;
    }
    return number;
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
bool says(const std::string& line, const MountEntry& entry) {
    std::vector<std::string> words;
    for (const std::string& word : split(line, ' ')) {
        // Blanks in a row separate like one, but for an empty source's.
        const bool before_dash = words.size() < 6 || std::find(words.begin() + 6, words.end(), "-") == words.end();
        if (!word.empty() || !before_dash) {
            words.push_back(word);
        }
    }
    const auto dash = words.size() < 6 ? words.end() : std::find(words.begin() + 6, words.end(), "-");
    if (words.end() - dash < 4) {
        return false;
    }
    const std::vector<std::string> flags = split(words[5], ',');
    const bool read_only = std::find(flags.begin(), flags.end(), "ro") != flags.end();
    // File systems that escape nothing would have blanks in their options: what follows the first is no loss.
    const std::string options = join({dash + 3, words.end()}, " ");
    return parse_number(words[0]) == entry.id && parse_number(words[1]) == entry.parent &&
           unescaped(words[3]) == entry.root && unescaped(words[4]) == entry.point &&
           read_only == entry.flags.read_only &&
           group(words.begin() + 6, dash, "shared:") == entry.propagation.shared &&
           group(words.begin() + 6, dash, "master:") == entry.propagation.master &&
           unescaped(dash[1]) == entry.fstype && unescaped(dash[2]) == entry.source &&
           unescaped(std::string(trim(options))).starts_with(entry.super_options);
}

std::string as_line(const CgroupEntry& entry) {
    return concat({std::to_string(entry.hierarchy_id), ":", join(entry.controllers, ","), ":", entry.path});
}

/// The line with its controllers sorted, and its number without zeros before it.
std::string sorted_line(const std::string& line) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() < 3) {
        return line;
    }
    std::vector<std::string> controllers = split(fields[1], ',');
    std::sort(controllers.begin(), controllers.end());
    fields[1] = join(controllers, ",");
    if (const std::optional<unsigned long> number = parse_number(fields[0])) {
        fields[0] = std::to_string(*number);
    }
    return join(fields, ":");
}

}  // namespace

std::vector<std::string> lost_lines(const Snapshot& snapshot, const std::string& mountinfo, const std::string& cgroup) {
    std::vector<std::string> problems;
    const std::vector<std::string> mounts = split(mountinfo, '\n');
    for (std::size_t i = 0; i + 1 < mounts.size(); ++i) {
        if (i >= snapshot.mounts.size() || !says(mounts[i], snapshot.mounts[i])) {
            problems.push_back(concat({"mountinfo:", std::to_string(i + 1), ": ", mounts[i]}));
        }
    }
    const std::vector<std::string> cgroups = split(cgroup, '\n');
    for (std::size_t i = 0; i + 1 < cgroups.size(); ++i) {
        if (i >= snapshot.cgroups.size() || sorted_line(cgroups[i]) != as_line(snapshot.cgroups[i])) {
            problems.push_back(concat({"cgroup:", std::to_string(i + 1), ": ", cgroups[i]}));
        }
    }
    return problems;
}

}  // namespace cginit
