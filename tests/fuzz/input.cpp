#include "fuzz/input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "cli/options_parser.hpp"
#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

constexpr std::string_view kFile = "== ";
constexpr std::size_t kMostFiles = 100;
constexpr std::size_t kLongestPath = 1000;
constexpr std::size_t kLongestName = 255;

bool is_marked(const std::string& path, char mark) { return path.back() == mark; }

/// Names that a file system takes, none of which leads upwards.
bool is_harmless(const std::string& path) {
    if (path.size() < 2 || path.size() > kLongestPath || path.front() != '/' || path.find('\0') != std::string::npos) {
        return false;
    }
    const std::vector<std::string> names = split(path.substr(1, path.size() - (is_marked(path, '/') ? 2 : 1)), '/');
    for (const std::string& name : names) {
        if (name.empty() || name == "." || name == ".." || name == "@" || name.size() > kLongestName) {
            return false;
        }
    }
    return !names.empty();
}

/// The path without its mark.
std::string plain(const std::string& path) {
    return is_marked(path, '/') || is_marked(path, '@') ? path.substr(0, path.size() - 1) : path;
}

/// True if there is something of that name that is no directory.
bool is_taken(const std::map<std::string, std::string>& files, const std::string& path) {
    return files.contains(path) || files.contains(path + "@");
}

/// Everything that has to be made, directories before what is in them.
std::map<std::string, std::string> with_directories(const std::map<std::string, std::string>& files) {
    std::map<std::string, std::string> all;
    for (const auto& [path, content] : files) {
        if (all.size() >= kMostFiles || !is_harmless(path)) {
            continue;
        }
        bool fits = !is_taken(all, plain(path)) && !all.contains(plain(path) + "/");
        for (std::string above = parent_path(plain(path)); fits && above != "/"; above = parent_path(above)) {
            fits = !is_taken(all, above);
        }
        for (std::string above = parent_path(plain(path)); fits && above != "/"; above = parent_path(above)) {
            all.emplace(above + "/", "");
        }
        if (fits) {
            all.emplace(path, plain(path) == path ? content : "");
        }
    }
    return all;
}

void must(bool good, const std::string& what) {
    if (!good) {
        std::perror(what.c_str());
        std::abort();
    }
}

void make(const std::string& path, const std::string& content) {
    if (is_marked(path, '/')) {
        must(::mkdir(plain(path).c_str(), 0700) == 0, path);
        return;
    }
    if (is_marked(path, '@')) {
        must(::symlink("nowhere", plain(path).c_str()) == 0, path);
        return;
    }
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && ::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()), path);
    ::close(fd);
}

void remove(const std::string& path) {
    const bool directory = is_marked(path, '/');
    must((directory ? ::rmdir(plain(path).c_str()) : ::unlink(plain(path).c_str())) == 0, path);
}

/// One line of the first section; false if it makes no sense.
bool read_wish(const std::string& line, FuzzInput& input, std::vector<std::string>& environment) {
    const std::size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::string value = space == std::string::npos ? "" : line.substr(space + 1);
    const std::optional<unsigned long> number = parse_number(value);
    if (line.starts_with("CGINIT_")) {
        environment.push_back(line);
    } else if (word == "init") {
        const std::optional<InitTraits> traits = parse_init_traits(value);
        input.init = traits.value_or(InitTraits{});
        return traits.has_value();
    } else if (word == "pid" && number) {
        input.pid = static_cast<int>(*number & 0xffffU);
    } else if (word == "fails" && number) {
        input.fails = *number;
    } else {
        return line.empty();
    }
    return true;
}

}  // namespace

std::optional<FuzzInput> read_input(std::string_view text) {
    FuzzInput input;
    std::vector<std::string> environment;
    std::string* content = nullptr;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        const std::string_view whole = text.substr(0, end == std::string_view::npos ? end : end + 1);
        text.remove_prefix(whole.size());
        if (line.starts_with(kFile)) {
            content = &input.files[std::string(line.substr(kFile.size()))];
        } else if (content != nullptr) {
            content->append(whole);
        } else if (!read_wish(std::string(line), input, environment)) {
            return std::nullopt;
        }
    }
    const Result<ParseOutcome> outcome = parse_command_line({{"/cginit"}, environment, "/cginit"});
    if (!outcome || !outcome->options) {
        return std::nullopt;
    }
    input.options = *outcome->options;
    return input;
}

FuzzFolder::FuzzFolder() {
    const char* above = std::getenv("TMPDIR");
    path_ = join_path(above == nullptr ? "/tmp" : above, "cginit-fuzz.XXXXXX");
    must(::mkdtemp(path_.data()) != nullptr, path_);
}

FuzzFolder::~FuzzFolder() {
    hold({});
    ::rmdir(path_.c_str());
}

void FuzzFolder::hold(const std::map<std::string, std::string>& files) {
    std::map<std::string, std::string> wanted = with_directories(files);
    for (auto old = held_.rbegin(); old != held_.rend(); ++old) {
        if (!wanted.contains(old->first)) {
            remove(path_ + old->first);
        }
    }
    for (const auto& [path, content] : wanted) {
        const auto before = held_.find(path);
        if (before == held_.end() || before->second != content) {
            make(path_ + path, content);
        }
    }
    held_ = std::move(wanted);
}

}  // namespace cginit
