#pragma once

#include <string>
#include <vector>

#include "cginit/invocation.hpp"
#include "cginit/options.hpp"
#include "cginit/result.hpp"
#include "handoff/program_check.hpp"
#include "read/source.hpp"

namespace cginit {

/// The program that cginit becomes.
struct InitCommand {
    /// The file that is executed: absolute, symlinks resolved inside the container's root.
    std::string file;
    /// What is handed to execve(2): the path as the user wrote it, or as it was found in $PATH; a script is told it as its $0.
    std::string path;
    /// What it takes to execute it.
    Program program;
    /// argv as the init gets it; argv[0] as the user wrote it.
    std::vector<std::string> argv;
};

/// Finds the init to run: the NamedInit; /sbin/init, else the first real init, if that is empty; the init that
/// was wrapped if it is a WrappedInit.
/// A name without a slash is searched in PATH (the environment's, else /usr/local/sbin:...:/bin).
/// An INIT that leads to cginit itself stands for the init that it wraps (init.real, init.distrib, systemd's paths),
/// unless it has one of cginit's own names: that is a second cginit with a command line of its own.
/// Errors: not found (127); a directory, not executable, an ELF file of another machine, or neither ELF nor `#!` (126);
/// nothing there but cginit itself (125).
[[nodiscard]] Result<InitCommand> find_init(const Source& source, const Options& options, const Invocation& invocation);

}  // namespace cginit
