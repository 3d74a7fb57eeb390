#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cginit/result.hpp"
#include "core/unique_fd.hpp"

namespace cginit {

/// `unknown`: it cannot be looked at, which is not the same as absent.
enum class FileType { absent, regular, directory, symlink, other, unknown };

/// The only reader of the system: files below one root directory, which is "/" for the running container and the
/// capture's folder for `--root`. Paths are absolute as the container sees them. Nothing is ever written.
class Source {
public:
    /// Opens the root directory; an error names it.
    static Result<Source> open(const std::string& root);

    /// The whole file. A missing file is an error; in a capture so is a link.
    [[nodiscard]] Result<std::string> read(const std::string& path) const;
    /// The whole file; empty if it does not exist. Every other failure is an error.
    [[nodiscard]] Result<std::optional<std::string>> read_if_exists(const std::string& path) const;
    /// The first `limit` bytes of a regular file (ELF magic, `#!` line).
    [[nodiscard]] Result<std::string> read_head(const std::string& path, std::size_t limit) const;
    /// The text of a symlink (`cgroup:[4026531835]`), or the content of a plain file of that name as captures hold
    /// it; empty if there is neither.
    [[nodiscard]] std::optional<std::string> read_link_if_exists(const std::string& path) const;
    /// What is at `path` itself, symlinks in the last component not followed.
    [[nodiscard]] FileType type(const std::string& path) const;
    /// True if anything is known to exist at `path`.
    [[nodiscard]] bool exists(const std::string& path) const;
    /// True if this process may execute the file.
    [[nodiscard]] bool is_executable(const std::string& path) const;
    /// True if the directory's owner and mode, and this process's user and capabilities, forbid writing; a read-only
    /// mount does not.
    [[nodiscard]] bool refuses_writing(const std::string& path) const;
    /// The names in a directory in byte order, without "." and ".."; empty if it does not exist or cannot be read.
    [[nodiscard]] std::vector<std::string> list(const std::string& path) const;
    /// True if this is the running system and not a capture.
    [[nodiscard]] bool is_live() const { return live_; }
    /// From now on the text of every file that is read whole, and of every link, is noted here by its path; no longer
    /// after a nullptr.
    void note_texts(std::map<std::string, std::string>* texts) { noted_ = texts; }

private:
    Source(UniqueFd root, bool live) : root_(std::move(root)), live_(live) {}
    void note(const std::string& path, const std::string& text) const;
    UniqueFd root_;
    bool live_;
    std::map<std::string, std::string>* noted_ = nullptr;
};

}  // namespace cginit
