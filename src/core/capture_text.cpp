#include "core/capture_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {

namespace {

constexpr std::string_view kBegin = "-- ";
constexpr std::string_view kEnd = " --";
constexpr std::string_view kLast = "end";
constexpr std::string_view kEscaped = " (escaped)";
constexpr const char* kCure = "cginit --capture writes such files";

/// `proc/self/mountinfo` of `-- proc/self/mountinfo --`.
std::optional<std::string_view> marked(std::string_view line) {
    if (line.size() <= kBegin.size() + kEnd.size() || !line.starts_with(kBegin) || !line.ends_with(kEnd)) {
        return std::nullopt;
    }
    line.remove_prefix(kBegin.size());
    line.remove_suffix(kEnd.size());
    return line;
}

/// ASCII that moves no cursor. Other characters are there to be read by some terminal as something else.
bool is_plain(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || c == '\n' || (byte >= 0x20U && byte < 0x7fU);
}

/// True for what can be written as it is, and stays so in a mail.
bool is_text(const std::string& content) {
    if (!content.empty() && content.back() != '\n') {
        return false;
    }
    const std::vector<std::string> lines = split(content, '\n');
    return std::all_of(content.begin(), content.end(), is_plain) &&
           std::none_of(lines.begin(), lines.end(), [](const std::string& line) { return marked(line).has_value(); });
}

std::string octal(char c) {
    const auto byte = static_cast<unsigned char>(c);
    std::string digits = "\\";
    for (const unsigned shift : {6U, 3U, 0U}) {
        digits += static_cast<char>('0' + ((byte >> shift) & 7U));
    }
    return digits;
}

std::string escaped_file(const std::string& content) {
    std::string text;
    for (const char c : content) {
        const bool line_begins = text.empty() || text.back() == '\n';
        if (c == '\n') {
            text += "\\n\n";
        } else if (c == '\\') {
            text += "\\\\";
        } else if (!is_plain(c) || (line_begins && c == '-')) {
            text += octal(c);
        } else {
            text += c;
        }
    }
    return text.empty() || text.back() == '\n' ? text : text + '\n';
}

/// Of `/proc/self/ns/mnt` what stands in its line. Whoever names a mount point names this as well, so nothing in it ends the line,
/// or makes another of it.
std::string marker_of(const std::string& path) {
    std::string name;
    for (const char c : path.substr(1)) {
        name += c == '\\' ? "\\\\" : (is_plain(c) && c != '\t' && c != '\n' ? std::string(1, c) : octal(c));
    }
    if (name == kLast || name.ends_with(kEscaped)) {
        name = concat({name.substr(0, name.size() - 1), octal(name.back())});
    }
    return name;
}

/// Appends what one line of an escaped file stands for; false if an escape is none.
bool unescape(std::string_view line, std::string& content) {
    constexpr std::size_t kDigits = 3;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] != '\\') {
            content += line[i];
            continue;
        }
        const std::string_view rest = line.substr(i + 1);
        const std::string_view digits = rest.substr(0, kDigits);
        if (rest.starts_with('n') || rest.starts_with('\\')) {
            content += rest.front() == 'n' ? '\n' : '\\';
            ++i;
        } else if (digits.size() == kDigits && digits.find_first_not_of("01234567") == std::string_view::npos &&
                   digits.front() < '4') {
            const int byte = ((digits[0] - '0') << 6) | ((digits[1] - '0') << 3) | (digits[2] - '0');
            content += static_cast<char>(byte);
            i += kDigits;
        } else {
            return false;
        }
    }
    return true;
}

/// Takes a capture a line at a time.
class Reader {
public:
    explicit Reader(std::string name) : name_(std::move(name)) {}

    Status take(std::string_view line) {
        ++number_;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (ended_) {
            return {};
        }
        if (const auto what = marked(line)) {
            return begin(*what);
        }
        if (file_ == nullptr) {
            capture_.about += concat({line, "\n"});
        } else if (!escaped_) {
            *file_ += concat({line, "\n"});
        } else if (!unescape(line, *file_)) {
            return wrong(concat({"an escape is none: ", line}));
        }
        return {};
    }

    Result<Capture> finish() && {
        const std::string& about = capture_.about;
        if (!ended_ && (about.starts_with("cginit ") || about.starts_with("capture.sh\n"))) {
            return make_error(ErrorCode::bad_facts, concat({name_, ": cut off: the last line is not `-- end --`"}),
                              {kCure});
        }
        if (capture_.files.empty()) {
            return make_error(ErrorCode::bad_facts, concat({name_, ": no capture: no line is `-- PATH --`"}), {kCure});
        }
        return std::move(capture_);
    }

private:
    [[nodiscard]] Status wrong(const std::string& what) const {
        return make_error(ErrorCode::bad_facts, concat({name_, ":", std::to_string(number_), ": ", what}), {kCure});
    }

    Status begin(std::string_view what) {
        if (what == kLast) {
            ended_ = true;
            return {};
        }
        escaped_ = what.ends_with(kEscaped);
        what.remove_suffix(escaped_ ? kEscaped.size() : 0);
        std::string path = "/";
        if (!unescape(what, path) || !is_plain_path(path)) {
            return wrong(concat({"no path of a file: ", what}));
        }
        const auto [file, is_new] = capture_.files.try_emplace(path);
        file_ = &file->second;
        return is_new ? Status() : wrong(concat({what, " is there twice"}));
    }

    std::string name_;
    Capture capture_;
    std::string* file_ = nullptr;  ///< none while people are told about it
    std::size_t number_ = 0;
    bool escaped_ = false;
    bool ended_ = false;
};

}  // namespace

std::string capture_text(const Capture& capture) {
    std::string text = capture.about;
    for (const auto& [path, content] : capture.files) {
        const bool plain = is_text(content);
        text += concat({kBegin, marker_of(path), plain ? "" : kEscaped, kEnd, "\n"});
        text += plain ? content : escaped_file(content);
    }
    return text + concat({kBegin, kLast, kEnd, "\n"});
}

Result<Capture> parse_capture_text(const std::string& text, const std::string& name) {
    Reader reader(name);
    const std::string_view all = text;
    for (std::size_t begin = 0; begin < all.size();) {
        const std::size_t end = std::min(all.find('\n', begin), all.size());
        if (const Status status = reader.take(all.substr(begin, end - begin)); !status) {
            return status.error();
        }
        begin = end + 1;
    }
    return std::move(reader).finish();
}

}  // namespace cginit
