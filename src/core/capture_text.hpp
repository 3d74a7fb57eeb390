#pragma once

#include <map>
#include <string>

#include "cginit/result.hpp"

namespace cginit {

/// The texts of files by absolute path.
using Files = std::map<std::string, std::string>;

/// The files of a capture, and what it says to people.
struct Capture {
    std::string about;
    Files files;

    bool operator==(const Capture&) const = default;
};

/// One text, in the manner of Go's txtar: `about`, then each file under a line that names it, then a last line.
///
///     cginit 0.1.0 --capture
///     -- cginit/facts --
///     pid 1
///     -- proc/self/attr/current (escaped) --
///     system_u:system_r:container_t:s0\000
///     -- end --
///
/// What is no text (a byte that is no printable ASCII, a last line without its end, a line that looks like one of these) has the
/// whole file escaped: `\n` is the end of a line there, `\\` a backslash, `\ooo` any byte, and the line breaks mean nothing.
/// A path has the last two of these as well.
[[nodiscard]] std::string capture_text(const Capture& capture);

/// The reverse; `name` is the capture for messages. What follows the last line means nothing, and line ends may be CR LF: whoever
/// pastes a text may have added to it. The last line may be missing in what people wrote, but not in what cginit or capture.sh
/// did: that was cut off. Errors (`bad_facts`): that, no file in it, a name that is no path, a file that is there twice, an escape
/// that is none, with the line.
[[nodiscard]] Result<Capture> parse_capture_text(const std::string& text, const std::string& name);

}  // namespace cginit
