#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cginit/result.hpp"
#include "read/source.hpp"

namespace cginit {

/// A program that execve(2) would take.
struct Program {
    std::vector<std::string>
        needs;  ///< a script's interpreter, an ELF file's loader: resolved, the file itself not among them
    std::optional<Error> unless_registered;  ///< what execve(2) says where binfmt_misc does not know its format
};

/// What execve(2) would say to a file, found before anything is touched. `file` is absolute with symlinks resolved.
/// Errors: not found (127), also for a script's interpreter or an ELF file's loader; a directory, not executable, neither ELF
/// nor `#!` (126). What the kernel itself does not know may be known to the host's binfmt_misc: an ELF file of another machine, a
/// format of its own. Whether it is, only trying tells.
/// A 32-bit x86 file passes on x86_64: whether it runs depends on the kernel's IA32 emulation.
[[nodiscard]] Result<Program> check_program(const Source& source, const std::string& file);

}  // namespace cginit
