#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cginit/result.hpp"
#include "cginit/snapshot.hpp"
#include "core/unique_fd.hpp"
#include "read/capture_files.hpp"

namespace cginit {

/// `unknown`: it cannot be looked at, which is not the same as absent.
enum class FileType { absent, regular, directory, symlink, other, unknown };

/// How a path is kept below a capture's folder. `by_hand`: for kernels without openat2(2) (before Linux 5.6).
enum class Beneath { by_kernel, by_hand };

/// The only reader of the system: files below one root directory, which is "/" for the running container and for `--root` a
/// capture: its one file, or a folder. Paths are absolute as the container sees them. Nothing is ever written.
///
/// A capture comes from somebody else: its symbolic links lead nowhere but below its folder. The running system is always
/// looked up from the process's own root, so that after unshare(2) it is the new mount namespace that is seen.
class Source {
public:
    /// Opens the root directory, or reads the file that is a capture; an error names it.
    static Result<Source> open(const std::string& root, Beneath beneath = Beneath::by_kernel);

    /// The whole file, 64 MiB at most (EFBIG). A missing file is an error; in a capture so is a link.
    [[nodiscard]] Result<std::string> read(const std::string& path) const;
    /// The same of a file that says by poll(2) when it changed, as mountinfo does, proc(5): read again until it did not
    /// change meanwhile. EBUSY if it never stops.
    [[nodiscard]] Result<std::string> read_settled(const std::string& path) const;
    /// The whole file; empty if it does not exist. Every other failure is an error.
    [[nodiscard]] Result<std::optional<std::string>> read_if_exists(const std::string& path) const;
    /// The first `limit` bytes of a regular file (ELF magic, `#!` line).
    [[nodiscard]] Result<std::string> read_head(const std::string& path, std::size_t limit) const;
    /// The text of a symlink of the running system, which is not noted; empty if it cannot be read.
    [[nodiscard]] std::optional<std::string> peek_link(const std::string& path) const;
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
    /// True if the file's owner is another than this process's user, in the running system.
    [[nodiscard]] bool is_of_another_user(const std::string& path) const;
    /// The id of the mount on which the working directory lies, or the root directory, of the running system; 0 if it cannot
    /// be told. Told of the directory that this process holds, whatever its path leads to by now.
    [[nodiscard]] int mount_of_working_directory() const;
    [[nodiscard]] int mount_of_root() const;
    /// $container of the running system if it is a name: letters, digits and dashes, at most 32; else empty.
    [[nodiscard]] std::string container_variable() const;
    /// The descriptors of the running system that outlive execve(2), and are more than an open file.
    [[nodiscard]] std::vector<InheritedDescriptor> inherited_descriptors() const;
    /// The names in a directory in byte order, without "." and ".."; empty if it does not exist or cannot be read.
    [[nodiscard]] std::vector<std::string> list(const std::string& path) const;
    /// True if the path is a directory that could be read, and nothing is in it.
    [[nodiscard]] bool is_empty(const std::string& path) const;
    /// True if the file's owner is nobody whom this user namespace maps, in the running system.
    [[nodiscard]] bool is_of_unmapped_user(const std::string& path) const;
    /// True if this is the running system and not a capture.
    [[nodiscard]] bool is_live() const { return live_; }
    /// From now on the text of every file that is read whole, and of every link, is noted here by its path; no longer
    /// after a nullptr.
    void note_texts(std::map<std::string, std::string>* texts) { noted_ = texts; }

private:
    Source(UniqueFd root, bool live, Beneath beneath) : root_(std::move(root)), live_(live), beneath_(beneath) {}
    explicit Source(Files files) : files_(std::move(files)), live_(false), beneath_(Beneath::by_kernel) {}
    [[nodiscard]] Result<std::string> text_of(const std::string& path) const;
    [[nodiscard]] Result<UniqueFd> open_below(const std::string& path, int flags) const;
    [[nodiscard]] Result<UniqueFd> open_to_read(const std::string& path) const;
    void note(const std::string& path, const std::string& text) const;
    std::optional<Files> files_;  ///< of a capture that is one file
    UniqueFd root_;               ///< of one that is a folder
    bool live_;
    Beneath beneath_;
    std::map<std::string, std::string>* noted_ = nullptr;
};

/// The inode of a pidfd of this process, which no other process gets until the next boot; empty before Linux 6.9 (cb12fd8e0dab),
/// where all of them share one.
[[nodiscard]] std::optional<std::uint64_t> own_pidfd_id();

/// Where an absolute path leads when all symlinks are followed below the source's root, as chroot(2) would have it:
/// absolute links start at that root and `..` does not leave it. The kernel's own walk would take a capture's links
/// for the running system's. Errors: ENOENT, ENOTDIR, ELOOP (more than 40 links, as in path_resolution(7)).
[[nodiscard]] Result<std::string> resolve_path(const Source& source, const std::string& path);

}  // namespace cginit
