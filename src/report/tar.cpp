#include "report/tar.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace cginit {

namespace {

constexpr std::size_t kBlock = 512;

/// Offsets and sizes in the header block, pax(1).
struct Field {
    std::size_t begin;
    std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kMagic{257, 8};
constexpr Field kPrefix{345, 155};

constexpr char kFile = '0';
constexpr char kGnuLongName = 'L';

struct Name {
    std::string_view prefix;
    std::string_view name;
};

/// The path cut at a slash, so that both parts fit; empty if it cannot be.
std::optional<Name> cut(std::string_view path) {
    if (path.size() <= kName.size) {
        return Name{{}, path};
    }
    // The last slash that leaves the prefix short enough makes the name shortest.
    const std::size_t slash = path.rfind('/', kPrefix.size);
    if (slash == std::string_view::npos || slash == 0 || path.size() - slash - 1 > kName.size) {
        return std::nullopt;
    }
    return Name{path.substr(0, slash), path.substr(slash + 1)};
}

void put(std::string& header, Field field, std::string_view text) { header.replace(field.begin, text.size(), text); }

/// All but the last byte of the field, which ends it.
void put_octal(std::string& header, Field field, std::size_t number) {
    for (std::size_t at = field.begin + field.size - 1; at-- > field.begin;) {
        header[at] = static_cast<char>('0' + number % 8);
        number /= 8;
    }
}

std::string header_of(const Name& name, char type, std::size_t size) {
    using namespace std::string_view_literals;
    std::string header(kBlock, '\0');
    put(header, kName, name.name);
    put_octal(header, kMode, 0644);
    put_octal(header, kUid, 0);
    put_octal(header, kGid, 0);
    put_octal(header, kSize, size);
    put_octal(header, kTime, 0);
    header[kType] = type;
    put(header, kMagic, "ustar\00000"sv);
    put(header, kPrefix, name.prefix);
    // Summed up with blanks in its own place; six digits, NUL, blank.
    put(header, kChecksum, "        ");
    std::size_t sum = 0;
    for (const char byte : header) {
        sum += static_cast<unsigned char>(byte);
    }
    put_octal(header, {kChecksum.begin, kChecksum.size - 1}, sum);
    header[kChecksum.begin + kChecksum.size - 2] = '\0';
    return header;
}

void append(std::string& archive, const Name& name, char type, std::string_view content) {
    archive += header_of(name, type, content.size());
    archive += content;
    archive.resize((archive.size() + kBlock - 1) / kBlock * kBlock, '\0');
}

}  // namespace

std::string tar_archive(const std::map<std::string, std::string>& files) {
    std::string archive;
    for (const auto& [absolute, content] : files) {
        const std::string path = absolute.substr(absolute.find_first_not_of('/'));
        const std::optional<Name> name = cut(path);
        if (!name) {
            append(archive, {{}, "././@LongLink"}, kGnuLongName, path + '\0');
        }
        append(archive, name.value_or(Name{{}, std::string_view(path).substr(0, kName.size)}), kFile, content);
    }
    archive.append(2 * kBlock, '\0');
    return archive;
}

}  // namespace cginit
