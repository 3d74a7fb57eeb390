#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cginit/options.hpp"

namespace cginit {

/// One input of the fuzzer: a container and how cginit is started in it. As text:
///
///     CGINIT_LAYOUT=hybrid
///     init systemd:252
///     pid 1
///     fails 5
///     == /proc/self/mountinfo
///     151 121 0:42 / / rw,relatime - overlay overlay rw
///     == /run/
///     == /tmp@
///
/// First the settings, as environment variables, and the rest of the wishes; then the files, each with all lines up to
/// the next. Names end as `ls -F` writes them: `/` for a directory, `@` for a symlink.
struct FuzzInput {
    Options options;
    InitTraits init;
    std::optional<int> pid;
    /// Bit N modulo 32 set: the Nth of the steps that have an or_else fails.
    unsigned long fails = 0;
    /// By path: the content; of a directory or a symlink nothing, but their mark at the end of the path.
    std::map<std::string, std::string> files;
};

/// Empty if the settings are not ones, so that there is nothing to run.
[[nodiscard]] std::optional<FuzzInput> read_input(std::string_view text);

/// The files of one input after the other below one directory, to be read by a Source. What two inputs in a row have
/// in common is not written twice.
class FuzzFolder {
public:
    FuzzFolder();
    ~FuzzFolder();
    FuzzFolder(const FuzzFolder&) = delete;
    FuzzFolder& operator=(const FuzzFolder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Paths that lead out of the folder, and those below what is no directory, are left out.
    void hold(const std::map<std::string, std::string>& files);

private:
    std::string path_;
    std::map<std::string, std::string> held_;
};

}  // namespace cginit
