#include "handoff/init_lookup.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "core/path.hpp"
#include "core/text.hpp"
#include "handoff/program_check.hpp"
#include "read/source.hpp"

namespace cginit {

namespace {

/// Where an init is looked for if none is named, best first. No shell: it would hide that the image has no init.
constexpr const char* kInitPlaces[] = {
    "/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd", "/etc/init", "/bin/init",
};
/// execvp(3)'s default is without the sbin directories, where inits live.
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kNameAnInit = "name the init after cginit's options: cginit /sbin/init";

/// A file to run and the path that led to it. `hidden`: the path is the wrapper's, and leads to cginit.
struct Found {
    std::string path;
    std::string file;
    Program program = {};
    bool hidden = false;
};

Error not_found(std::string what, Cures cures = {}) {
    return make_error(ErrorCode::no_init, std::move(what), std::move(cures)).about_init(ErrorKind::not_found);
}

/// One path to a program that can be executed.
Result<Found> find_program(const Source& source, const std::string& path) {
    const Result<std::string> file = resolve_path(source, path);
    if (!file) {
        const int errnum = file.error().errnum;
        const bool missing = errnum == ENOENT || errnum == ENOTDIR;
        return make_errno_error(errnum, path).about_init(missing ? ErrorKind::not_found : ErrorKind::cannot_execute);
    }
    Result<Program> program = check_program(source, *file);
    if (!program) {
        return *file == path ? program.error() : program.error().in(path);
    }
    return Found{path, *file, std::move(*program)};
}

/// The first of the places that holds a program that is not `self`. What is there but cannot be run is remembered: it
/// says more than "not found".
Result<Found> find_first(const Source& source, const std::vector<std::string>& places, const std::string& self,
                         Error nothing) {
    std::optional<Error> broken;
    for (const std::string& place : places) {
        Result<Found> found = find_program(source, place);
        if (found && (self.empty() || found->file != self)) {
            return found;
        }
        if (!found && found.error().kind != ErrorKind::not_found && !broken) {
            broken = found.error();
        }
    }
    return broken ? *broken : std::move(nothing);
}

/// The init that a wrapper hides, under the wrapper's `path`: busybox behind /sbin/init must see that name, not
/// init.real.
Result<Found> find_wrapped(const Source& source, const std::string& path, const Invocation& invocation) {
    std::vector<std::string> places;
    for (const std::string& wrapper : {path, invocation.self_exe}) {
        for (const std::string& name : {base_name(wrapper), std::string("init")}) {
            for (const char* suffix : {".real", ".distrib"}) {
                std::string place = join_path(parent_path(wrapper), name + suffix);
                if (std::find(places.begin(), places.end(), place) == places.end()) {
                    places.push_back(std::move(place));
                }
            }
        }
    }
    // A wrapper at a path of its own, such as /usr/local/sbin/init, has replaced none.
    places.insert(places.end(), std::begin(kInitPlaces), std::end(kInitPlaces));
    // A mount over /sbin/init, where that is a link to systemd, hides systemd itself.
    Error nothing =
        make_error(ErrorCode::no_init, concat({path, " is cginit itself, and the init that it wraps is not beside it"}),
                   {concat({"keep the real init as ", path,
                            ".real, or mount cginit at a path where nothing is, "
                            "such as /usr/local/sbin/init"})});
    Result<Found> found = find_first(source, places, invocation.self_exe, std::move(nothing));
    return found ? Found{path, found->file, std::move(found->program), true} : found;
}

/// The path as the kernel would take it, made absolute: relative to the working directory.
std::string absolute(const Source& source, const std::string& path) {
    if (path.starts_with('/')) {
        return path;
    }
    const std::optional<std::string> cwd = source.read_link_if_exists("/proc/self/cwd");
    return join_path(cwd.value_or("/"), path);
}

Result<Found> find_in_path(const Source& source, const std::string& name, const Invocation& invocation) {
    const char* value = environment_value(invocation.environment, "PATH");
    std::vector<std::string> places;
    for (const std::string& directory : split(value != nullptr ? value : kDefaultPath, ':')) {
        // POSIX: an empty entry is the working directory.
        places.push_back(join_path(absolute(source, directory), name));
    }
    return find_first(source, places, {}, not_found(concat({name, ": not found in PATH"}), {kNameAnInit}));
}

Result<Found> find_default(const Source& source, const Invocation& invocation) {
    const Result<std::string> first = resolve_path(source, kInitPlaces[0]);
    if (first && *first == invocation.self_exe) {
        return find_wrapped(source, kInitPlaces[0], invocation);
    }
    const std::vector<std::string> places(std::begin(kInitPlaces), std::end(kInitPlaces));
    const std::string tried = join(places, ", ");
    return find_first(source, places, invocation.self_exe, not_found("no init found: tried " + tried, {kNameAnInit}));
}

Result<Found> find_wanted(const Source& source, const std::string& wanted, const Invocation& invocation) {
    if (wanted.empty()) {
        return not_found("the name of the init is empty", {kNameAnInit});
    }
    Result<Found> found = wanted.find('/') == std::string::npos ? find_in_path(source, wanted, invocation)
                                                                : find_program(source, absolute(source, wanted));
    if (!found || found->file != invocation.self_exe || is_own_name(wanted)) {
        return found;
    }
    return find_wrapped(source, found->path, invocation);
}

}  // namespace

Result<InitCommand> find_init(const Source& source, const Options& options, const Invocation& invocation) {
    InitCommand command;
    Result<Found> found = Found{};
    if (const auto* wrapped = std::get_if<WrappedInit>(&options.init)) {
        // Engines and the kernel may start it as plain `init`: then only /proc/self/exe says where it lies.
        const std::string& name = invocation.argv.front();
        const bool by_name = name.find('/') == std::string::npos && !invocation.self_exe.empty();
        // cppcheck-suppress redundantInitialization ; a Result always holds something
        found = find_wrapped(source, by_name ? invocation.self_exe : absolute(source, name), invocation);
        command.argv = {name};
        command.argv.insert(command.argv.end(), wrapped->arguments.begin(), wrapped->arguments.end());
    } else if (command.argv = init_argv(options); !command.argv.empty()) {
        found = find_wanted(source, command.argv.front(), invocation);
    } else {
        found = find_default(source, invocation);
    }
    if (!found) {
        return found.error();
    }
    if (command.argv.empty()) {
        command.argv = {found->path};
    }
    command.file = found->file;
    command.program = std::move(found->program);
    const std::string& written = command.argv.front();
    command.path = found->hidden ? found->file : (written.find('/') != std::string::npos ? written : found->path);
    return command;
}

}  // namespace cginit
