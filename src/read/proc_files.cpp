#include "read/proc_files.hpp"

#include <algorithm>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

Error malformed(const std::string& name, std::size_t line, std::string_view what) {
    return make_error(ErrorCode::bad_facts, concat({name, ":", std::to_string(line), ": ", what}), {CureId::own_proc});
}

/// `4:memory:/docker/3aef`: the path may hold colons, the first two fields cannot.
std::optional<CgroupEntry> parse_cgroup_line(std::string_view line) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) {
        return std::nullopt;
    }
    const std::optional<std::uint64_t> id = parse_number(line.substr(0, first));
    const std::string_view path = line.substr(second + 1);
    if (!id || *id > 0x7fffffffUL || !is_plain_path(path)) {
        return std::nullopt;
    }
    CgroupEntry entry;
    entry.hierarchy_id = static_cast<int>(*id);
    entry.controllers = split(line.substr(first + 1, second - first - 1), ',');
    entry.path = std::string(path);
    std::sort(entry.controllers.begin(), entry.controllers.end());
    // Only v2 has the number 0 and no controllers.
    if ((entry.hierarchy_id == 0) != entry.controllers.empty() ||
        std::find(entry.controllers.begin(), entry.controllers.end(), "") != entry.controllers.end()) {
        return std::nullopt;
    }
    return entry;
}

/// True if one of the controllers is in a hierarchy that was listed before. v2 is listed once, too.
bool is_listed(const CgroupEntry& entry, const std::vector<CgroupEntry>& before) {
    return std::any_of(before.begin(), before.end(), [&entry](const CgroupEntry& other) {
        return other.hierarchy_id == entry.hierarchy_id ||
               std::find_first_of(other.controllers.begin(), other.controllers.end(), entry.controllers.begin(),
                                  entry.controllers.end()) != other.controllers.end();
    });
}

/// `Uid:	0	0	0	0`: real, effective, saved, file system.
std::optional<std::uint64_t> effective_id(std::string_view value) {
    const std::vector<std::string> ids = split(value, '\t');
    return ids.size() == 4 ? parse_number(ids[1]) : std::nullopt;
}

Tri flag(std::string_view value) { return value == "0" ? Tri::no : Tri::yes; }

}  // namespace

Result<std::vector<CgroupEntry>> parse_proc_cgroup(const std::string& text, const std::string& name) {
    std::vector<CgroupEntry> entries;
    std::vector<std::string> lines = split(text, '\n');
    if (!lines.empty() && !lines.back().empty()) {
        return malformed(name, lines.size(), "the last line is cut off");
    }
    if (!lines.empty()) {
        lines.pop_back();
    }
    std::size_t number = 0;
    for (const std::string& line : lines) {
        ++number;
        std::optional<CgroupEntry> entry = parse_cgroup_line(line);
        if (!entry) {
            return malformed(name, number, concat({"not ID:CONTROLLERS:PATH: ", line}));
        }
        if (is_listed(*entry, entries)) {
            return malformed(name, number, concat({"the hierarchy is there twice: ", line}));
        }
        entries.push_back(std::move(*entry));
    }
    if (entries.empty()) {
        return make_error(ErrorCode::no_proc,
                          concat({name, ": empty: this kernel has no cgroups, or /proc is not its proc file system"}),
                          {CureId::kernel_with_cgroups});
    }
    return entries;
}

Result<ProcessStatus> parse_status(const std::string& text, const std::string& name) {
    ProcessStatus status;
    bool seen = false;
    std::size_t number = 0;
    const std::vector<std::string> lines = split(text, '\n');
    if (!lines.empty() && !lines.back().empty()) {
        return malformed(name, lines.size(), "the last line is cut off");
    }
    for (const std::string& line : lines) {
        ++number;
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) {
            continue;
        }
        const std::string_view key = std::string_view(line).substr(0, colon);
        const std::string_view value = trim(std::string_view(line).substr(colon + 1));
        if (key == "CapEff") {
            const std::optional<std::uint64_t> mask = parse_hex(value);
            if (!mask) {
                return malformed(name, number, concat({"CapEff is not a hexadecimal number: ", value}));
            }
            status.effective_capabilities = *mask;
            seen = true;
        } else if (key == "CapBnd") {
            status.bounding_capabilities = parse_hex(value).value_or(0);
        } else if (key == "Uid") {
            status.uid = effective_id(value);
        } else if (key == "NoNewPrivs") {
            status.no_new_privileges = flag(value);
        } else if (key == "Seccomp") {
            status.seccomp_filter = flag(value);
        }
    }
    if (!seen) {
        return malformed(name, number, "CapEff is missing");
    }
    return status;
}

std::vector<std::string> parse_enabled_controllers(const std::string& text) {
    std::vector<std::string> names;
    for (const std::string& line : split(text, '\n')) {
        // `memory	11	35	1`: name, hierarchy, cgroups, enabled.
        const std::vector<std::string> fields = split(line, '\t');
        if (fields.size() == 4 && fields[3] == "1") {
            names.push_back(fields[0]);
        }
    }
    return names;
}

std::vector<std::string> parse_filesystems(const std::string& text) {
    std::vector<std::string> names;
    for (const std::string& line : split(text, '\n')) {
        // Views all the way: of a string and a substring of it, ?: would make a copy that is gone after this line.
        const std::string_view text_of_line = line;
        const std::size_t tab = text_of_line.rfind('\t');
        const std::string_view word = trim(tab == std::string_view::npos ? text_of_line : text_of_line.substr(tab + 1));
        if (!word.empty()) {
            names.emplace_back(word);
        }
    }
    return names;
}

std::optional<std::uint64_t> parse_namespace_link(const std::string& text) {
    const std::size_t open = text.find(":[");
    const std::size_t close = text.find(']');
    if (open == std::string::npos || close == std::string::npos || close < open) {
        return std::nullopt;
    }
    return parse_number(std::string_view(text).substr(open + 2, close - open - 2));
}

}  // namespace cginit
