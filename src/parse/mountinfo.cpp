#include "parse/mountinfo.hpp"

#include <libmount/libmount.h>

#include <cstdio>
#include <memory>

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

/// `shared:31 master:2`: zero or more fields between the options and the dash.
Propagation parse_propagation(const char* fields) {
    Propagation propagation;
    for (const std::string& field : split(text_of(fields), ' ')) {
        const std::size_t colon = field.find(':');
        const std::string name = field.substr(0, colon);
        const unsigned long group = colon == std::string::npos ? 0 : parse_number(field.substr(colon + 1)).value_or(0);
        if (name == "unbindable") {
            propagation.unbindable = true;
        } else if (name == "shared") {
            propagation.shared = static_cast<std::uint32_t>(group);
        } else if (name == "master") {
            propagation.master = static_cast<std::uint32_t>(group);
        }
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

MountEntry to_entry(libmnt_fs* fs) {
    MountEntry entry;
    entry.id = mnt_fs_get_id(fs);
    entry.parent = mnt_fs_get_parent_id(fs);
    entry.root = text_of(mnt_fs_get_root(fs));
    entry.point = text_of(mnt_fs_get_target(fs));
    entry.flags = parse_flags(mnt_fs_get_vfs_options(fs));
    entry.propagation = parse_propagation(mnt_fs_get_optional_fields(fs));
    entry.fstype = text_of(mnt_fs_get_fstype(fs));
    entry.source = text_of(mnt_fs_get_source(fs));
    entry.super_options = text_of(mnt_fs_get_fs_options(fs));
    return entry;
}

bool is_complete(const MountEntry& entry) {
    return entry.id > 0 && !entry.point.empty() && entry.point.front() == '/' && !entry.root.empty() &&
           !entry.fstype.empty();
}

Error malformed(const std::string& name, int line) {
    return make_error(concat({name, ":", std::to_string(line), ": not a mountinfo line (proc(5))"}),
                      "this file comes from the kernel; mount a proc file system of this container at /proc");
}

/// The first line that does not start with a mount id; 0 if there is none. libmount would skip empty lines and `#`
/// comments without calling back, and would take the whole file for an fstab(5) if its first line looks like one.
int first_line_without_id(const std::string& text) {
    int line = 1;
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
        if (text[begin] < '0' || text[begin] > '9') {
            return line;
        }
        ++line;
    }
    return 0;
}

}  // namespace

Result<MountTable> parse_mountinfo(const std::string& text, const std::string& name) {
    if (text.empty()) {
        return make_error(concat({name, ": empty"}), "mount a proc file system of this container at /proc");
    }
    if (text.back() != '\n') {
        return make_error(concat({name, ": the last line is cut off"}));
    }
    if (const int line = first_line_without_id(text); line != 0) {
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
        mounts.push_back(to_entry(fs));
        if (!is_complete(mounts.back())) {
            return malformed(name, static_cast<int>(mounts.size()));
        }
    }
    return mounts;
}

}  // namespace cginit
