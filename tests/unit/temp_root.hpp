#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "read/source.hpp"

namespace cginit {

/// A root directory made for one test and removed after it.
class TempRoot {
public:
    TempRoot() {
        std::string pattern = (std::filesystem::temp_directory_path() / "cginit-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("mkdtemp " + pattern);
        }
        root_ = pattern;
    }
    TempRoot(const TempRoot&) = delete;
    TempRoot& operator=(const TempRoot&) = delete;
    ~TempRoot() {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    [[nodiscard]] const std::string& path() const { return root_; }
    [[nodiscard]] Source source() const { return std::move(Source::open(root_).value()); }

    void file(const std::string& path, const std::string& content, mode_t mode = 0644) const {
        make_parents(path);
        const int fd = ::open((root_ + path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
        if (fd < 0 || ::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
            ::fchmod(fd, mode) != 0 || ::close(fd) != 0) {
            throw std::runtime_error("write " + path);
        }
    }
    void link(const std::string& path, const std::string& target) const {
        make_parents(path);
        std::filesystem::create_symlink(target, root_ + path);
    }
    void directory(const std::string& path) const { std::filesystem::create_directories(root_ + path); }
    void fifo(const std::string& path) const {
        make_parents(path);
        if (::mkfifo((root_ + path).c_str(), 0755) != 0) {
            throw std::runtime_error("mkfifo " + path);
        }
    }

private:
    void make_parents(const std::string& path) const {
        std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    }
    std::string root_;
};

}  // namespace cginit
