#include "read/capture_files.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {

namespace {

constexpr std::size_t kBlock = 512;
constexpr const char* kCure = "cginit --capture writes one";

/// Offsets and sizes in the header block, pax(1).
struct Field {
    std::size_t begin;
    std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kTarget{157, 100};
constexpr Field kMagic{257, 5};
constexpr char kGnuLongName = 'L';
constexpr char kPaxHeader = 'x';
constexpr Field kNamePrefix{345, 155};

std::string_view bytes_of(std::string_view header, Field field) { return header.substr(field.begin, field.size); }

/// Up to the first NUL byte.
std::string_view string_of(std::string_view header, Field field) {
    const std::string_view bytes = bytes_of(header, field);
    return bytes.substr(0, bytes.find('\0'));
}

/// Octal digits between blanks and NUL bytes.
std::optional<std::size_t> number_of(std::string_view header, Field field) {
    std::string_view digits = trim(string_of(header, field));
    std::size_t number = 0;
    for (const char digit : digits) {
        if (digit < '0' || digit > '7' || number > (SIZE_MAX >> 4U)) {
            return std::nullopt;
        }
        number = 8 * number + static_cast<std::size_t>(digit - '0');
    }
    return digits.empty() ? std::nullopt : std::optional(number);
}

/// All bytes, with blanks for the checksum's own.
std::size_t sum_of(std::string_view header) {
    std::size_t sum = kChecksum.size * static_cast<unsigned char>(' ');
    for (std::size_t i = 0; i < header.size(); ++i) {
        const bool own = i >= kChecksum.begin && i < kChecksum.begin + kChecksum.size;
        sum += own ? 0U : static_cast<unsigned char>(header[i]);
    }
    return sum;
}

bool is_archive(std::string_view content) { return content.size() >= kBlock && bytes_of(content, kMagic) == "ustar"; }

/// Of the records of a pax header, `30 mtime=1700000000.123456789\n`, the one with the path; empty if there is none.
std::string_view pax_path(std::string_view records) {
    constexpr std::string_view kPath = "path=";
    while (!records.empty()) {
        const std::size_t space = records.find(' ');
        const auto number = parse_number(records.substr(0, space));
        if (!number || space == std::string_view::npos || *number <= space + 1 || *number > records.size()) {
            return {};
        }
        const auto size = static_cast<std::size_t>(*number);
        const std::string_view record = records.substr(space + 1, size - space - 2);
        if (record.starts_with(kPath)) {
            return record.substr(kPath.size());
        }
        records.remove_prefix(size);
    }
    return {};
}

/// Takes an archive a member at a time.
class TarReader {
public:
    TarReader(std::string_view archive, const std::string& name) : archive_(archive), name_(name) {}

    Result<Files> read() && {
        // Two blocks of zeros end it; one is what some programs write.
        while (archive_.find_first_not_of('\0', std::min(at_, archive_.size())) != std::string_view::npos) {
            if (const Status status = take_member(); !status) {
                return status.error();
            }
        }
        return at_ < archive_.size() ? Result<Files>(std::move(files_)) : wrong("it is cut off").error();
    }

private:
    Status take_member() {
        const std::string_view header = archive_.substr(at_, kBlock);
        if (header.size() < kBlock) {
            return wrong("it is cut off");
        }
        const auto size = number_of(header, kSize);
        if (!is_archive(header) || !size || number_of(header, kChecksum) != sum_of(header)) {
            return wrong("no member of a tar archive");
        }
        const std::string_view content = archive_.substr(at_ + kBlock).substr(0, *size);
        if (content.size() < *size) {
            return wrong("it is cut off");
        }
        Status status = take(header, content);
        at_ += kBlock + (*size + kBlock - 1) / kBlock * kBlock;
        return status;
    }

    Status take(std::string_view header, std::string_view content) {
        const char type = header[kType];
        if (type == kGnuLongName || type == kPaxHeader) {
            long_name_ = type == kPaxHeader ? pax_path(content) : content.substr(0, content.find('\0'));
            return {};
        }
        const std::string_view prefix = string_of(header, kNamePrefix);
        std::string path = concat({"/", prefix, prefix.empty() ? "" : "/", string_of(header, kName)});
        if (!long_name_.empty()) {
            path = concat({"/", long_name_});
            long_name_.clear();
        }
        switch (type) {
            case '0':
            case '\0': return add(std::move(path), content);
            case '2': return add(std::move(path), concat({string_of(header, kTarget), "\n"}));
            default: return {};  // directories, and what no capture has
        }
    }

    Status add(std::string path, std::string_view text) {
        if (path.starts_with("/./")) {
            path.erase(0, 2);
        }
        if (!is_plain_path(path)) {
            return wrong(concat({"no path of a file: ", path.substr(1)}));
        }
        return files_.emplace(path, text).second ? Status() : wrong(concat({path.substr(1), " is there twice"}));
    }

    [[nodiscard]] Status wrong(const std::string& what) const {
        return make_error(ErrorCode::bad_facts, concat({name_, ": at byte ", std::to_string(at_), ": ", what}),
                          {kCure});
    }

    std::string_view archive_;
    const std::string& name_;
    std::size_t at_ = 0;
    std::string long_name_;  ///< of the next member
    Files files_;
};

}  // namespace

Result<Files> read_capture(const std::string& content, const std::string& name) {
    for (const char* magic : {"\x1f\x8b", "BZh",
                              "\xfd"
                              "7zXZ",
                              "\x28\xb5\x2f\xfd"}) {
        if (content.starts_with(magic)) {
            return make_error(ErrorCode::bad_facts, concat({name, " is compressed"}), {"decompress it first"});
        }
    }
    if (is_archive(content)) {
        return TarReader(content, name).read();
    }
    Result<Capture> capture = parse_capture_text(content, name);
    return capture ? Result<Files>(std::move(capture->files)) : capture.error();
}

bool has_directory(const Files& files, const std::string& path) {
    const std::string below = path == "/" ? "/" : concat({path, "/"});
    const auto first = files.lower_bound(below);
    return first != files.end() && first->first.starts_with(below);
}

std::vector<std::string> names_in(const Files& files, const std::string& path) {
    const std::string below = path == "/" ? "/" : concat({path, "/"});
    std::vector<std::string> names;
    for (auto file = files.lower_bound(below); file != files.end() && file->first.starts_with(below); ++file) {
        const std::string_view rest = std::string_view(file->first).substr(below.size());
        names.emplace_back(rest.substr(0, rest.find('/')));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace cginit
