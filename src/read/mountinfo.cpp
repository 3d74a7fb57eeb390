#include "read/proc_files.hpp"

#include <libmount/libmount.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

using TablePtr = std::unique_ptr<libmnt_table, decltype(&mnt_unref_table)>;
using IterPtr = std::unique_ptr<libmnt_iter, decltype(&mnt_free_iter)>;
using FilePtr = std::unique_ptr<FILE, decltype(&fclose)>;

struct ParseFailure {
    int line = 0;
};

// libmount calls back in the middle of parsing and offers the table alone to carry state.
int remember_line(libmnt_table* table, const char* /*filename*/, int line) {
    auto* failure = static_cast<ParseFailure*>(mnt_table_get_userdata(table));
    if (failure->line == 0) {
        failure->line = line;
    }
    return -1;  // fatal: by default libmount leaves the line out and says nothing
}

std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

/// `shared:31 master:2`: zero or more fields between the options and the dash. Empty if a group is no number: a mount
/// whose peers are overlooked is not cut off from them.
std::optional<Propagation> parse_propagation(const char* fields) {
    Propagation propagation;
    for (const std::string& field : split(text_of(fields), ' ')) {
        const std::size_t colon = field.find(':');
        const std::string name = field.substr(0, colon);
        propagation.unbindable = propagation.unbindable || name == "unbindable";
        if (name != "shared" && name != "master") {
            continue;
        }
        const std::uint64_t group = colon == std::string::npos ? 0 : parse_number(field.substr(colon + 1)).value_or(0);
        if (group == 0 || group > std::numeric_limits<std::uint32_t>::max()) {
            return std::nullopt;
        }
        (name == "shared" ? propagation.shared : propagation.master) = static_cast<std::uint32_t>(group);
    }
    return propagation;
}

/// `ro,nosuid,nodev,noexec,relatime`
MountFlags parse_flags(const char* options) {
    MountFlags flags;
    for (const std::string& option : split(text_of(options), ',')) {
        flags.read_only = flags.read_only || option == "ro";
        flags.nosuid = flags.nosuid || option == "nosuid";
        flags.nodev = flags.nodev || option == "nodev";
        flags.noexec = flags.noexec || option == "noexec";
        if (option == "relatime" || option == "noatime") {
            flags.atime = option;
        }
    }
    return flags;
}

/// The kernel says either before everything else, of the mount and of the superblock (show_mountinfo(),
/// fs/proc_namespace.c).
bool says_access(const char* options) {
    const std::string first = text_of(options).substr(0, text_of(options).find(','));
    return first == "rw" || first == "ro";
}

/// Empty if a field is missing or is not what it has to be.
std::optional<MountEntry> to_entry(libmnt_fs* fs) {
    const std::optional<Propagation> propagation = parse_propagation(mnt_fs_get_optional_fields(fs));
    MountEntry entry;
    entry.id = mnt_fs_get_id(fs);
    entry.parent = mnt_fs_get_parent_id(fs);
    entry.root = text_of(mnt_fs_get_root(fs));
    entry.point = text_of(mnt_fs_get_target(fs));
    entry.flags = parse_flags(mnt_fs_get_vfs_options(fs));
    entry.propagation = propagation.value_or(Propagation{});
    entry.fstype = text_of(mnt_fs_get_fstype(fs));
    entry.source = text_of(mnt_fs_get_source(fs));
    entry.super_options = text_of(mnt_fs_get_fs_options(fs));
    const bool complete = entry.id > 0 && is_plain_path(entry.point) && !entry.root.empty() && !entry.fstype.empty() &&
                          says_access(mnt_fs_get_vfs_options(fs)) && says_access(mnt_fs_get_fs_options(fs)) &&
                          propagation;
    return complete ? std::optional<MountEntry>(std::move(entry)) : std::nullopt;
}

Error malformed(const std::string& name, int line) {
    return make_error(ErrorCode::bad_facts,
                      concat({name, ":", std::to_string(line), ": not a mountinfo line (proc(5))"}),
                      {CureId::own_proc});
}

/// `97 16 `: the ids as the kernel prints them. libmount takes `+16`, and what is too large for its int.
bool starts_with_ids(std::string_view line) {
    for (int field = 0; field < 2; ++field) {
        const std::size_t end = line.find(' ');
        const auto id = parse_number(line.substr(0, end));
        if (end == std::string_view::npos || !id || *id > std::numeric_limits<int>::max()) {
            return false;
        }
        line.remove_prefix(end + 1);
    }
    return true;
}

/// Of all fields the source alone may be empty, so that nothing but it lies between two blanks: `tmpfs  rw`. libmount
/// skips blanks in a row, and would take the source for the type.
bool lacks_field(std::string_view line) {
    const std::size_t dash = line.find(" - ");
    const std::size_t blanks = line.find("  ");
    return blanks != std::string_view::npos && dash != std::string_view::npos && blanks <= dash + 2;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// `\040`: mangle() of fs/proc_namespace.c writes one byte as three octal digits: never more than `\377`, which libmount
/// would read as another byte, and never `\000`, at which it would end the field. A backslash before anything else is itself:
/// 9p and others print theirs as they are (`path=C:\;uid=0`).
bool has_impossible_escape(std::string_view line) {
    constexpr std::size_t kLength = 4;
    for (std::size_t at = line.find('\\'); at != std::string_view::npos; at = line.find('\\', at + 1)) {
        const std::string_view escape = line.substr(at, kLength);
        const bool octal = escape.size() == kLength && std::all_of(escape.begin() + 1, escape.end(), is_octal);
        if (octal && (escape[1] > '3' || escape == "\\000")) {
            return true;
        }
    }
    return false;
}

/// The first line that libmount would read otherwise than the kernel means it; 0 if there is none. Empty lines and `#`
/// comments it would skip without calling back, and take the whole file for an fstab(5) if its first line looks so.
/// A tab, which the kernel escapes, ends a field for it, and a NUL byte the line.
int first_odd_line(const std::string& text) {
    int line = 1;
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
        const std::string_view content = std::string_view(text).substr(begin, text.find('\n', begin) - begin);
        if (!starts_with_ids(content) || lacks_field(content) || has_impossible_escape(content) ||
            content.find_first_of(std::string_view("\t\0", 2)) != std::string_view::npos) {
            return line;
        }
        ++line;
    }
    return 0;
}

}  // namespace

Result<MountTable> parse_mountinfo(const std::string& text, const std::string& name) {
    if (text.empty()) {
        return make_error(ErrorCode::no_proc, concat({name, ": empty"}), {CureId::own_proc});
    }
    if (text.back() != '\n') {
        return make_error(ErrorCode::bad_facts, concat({name, ": the last line is cut off"}));
    }
    if (const int line = first_odd_line(text); line != 0) {
        return malformed(name, line);
    }
    const TablePtr table(mnt_new_table(), &mnt_unref_table);
    // fmemopen never writes to a stream opened for reading.
    const FilePtr stream(fmemopen(const_cast<char*>(text.data()), text.size(), "re"), &fclose);  // NOLINT
    if (!table || !stream) {
        return make_errno_error(ENOMEM, concat({"parse ", name}));
    }
    ParseFailure failure;
    mnt_table_set_userdata(table.get(), &failure);
    mnt_table_set_parser_errcb(table.get(), &remember_line);
    const int rc = mnt_table_parse_stream(table.get(), stream.get(), name.c_str());
    if (rc != 0 || failure.line != 0) {
        return malformed(name, failure.line);
    }
    MountTable mounts;
    mounts.reserve(static_cast<std::size_t>(mnt_table_get_nents(table.get())));
    const IterPtr iter(mnt_new_iter(MNT_ITER_FORWARD), &mnt_free_iter);
    libmnt_fs* fs = nullptr;
    while (mnt_table_next_fs(table.get(), iter.get(), &fs) == 0) {
        std::optional<MountEntry> entry = to_entry(fs);
        if (!entry) {
            return malformed(name, static_cast<int>(mounts.size()) + 1);
        }
        mounts.push_back(std::move(*entry));
    }
    return mounts;
}

}  // namespace cginit
