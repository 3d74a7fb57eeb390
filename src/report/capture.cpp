#include "report/capture.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "cginit/capture_facts.hpp"
#include "cginit/version.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "detect/detect.hpp"
#include "report/text.hpp"

namespace cginit {

namespace {

constexpr const char* kInstructions =
    "\n"
    "Please add how the container was started, and on what kind of host.\n"
    "Before you pass it on, look through proc/self/mountinfo: it names directories of the host.\n"
    "To replay it: cginit --root=FILE --dry-run\n"
    "\n";

/// Each is empty: that it is there is the fact. Without cgroup.procs a directory counts as not looked at, so that where
/// one fact could not be had none is told.
void add_directory(Files& files, const std::string& path, const CgroupDirectory& directory) {
    if (directory.has_parent_files == Tri::unknown && directory.has_release_agent == Tri::unknown) {
        return;
    }
    files.emplace(join_path(path, "cgroup.procs"), "");
    if (directory.has_parent_files == Tri::yes) {
        files.emplace(join_path(path, "cgroup.events"), "");
    }
    if (directory.has_release_agent == Tri::yes) {
        files.emplace(join_path(path, "release_agent"), "");
    }
}

/// A name beside the terminals says that /dev was listed.
void add_terminals(Files& files, const std::vector<std::string>& names) {
    files.emplace("/dev/null", "");
    for (const std::string& name : names) {
        files.emplace(join_path("/dev", name), "");
    }
}

}  // namespace

Files capture_files(Files texts, const Snapshot& snapshot) {
    Files files = std::move(texts);
    for (const OwnDirectory& own : own_directories(snapshot)) {
        const auto directory = snapshot.directories.find(own.point);
        if (directory != snapshot.directories.end()) {
            add_directory(files, own.path, directory->second);
        }
    }
    if (snapshot.host_ttys) {
        add_terminals(files, *snapshot.host_ttys);
    }
    CaptureFacts facts;
    facts.pid = snapshot.pid;
    facts.init = snapshot.init;
    facts.places = snapshot.places;
    facts.user_namespaces = snapshot.user_namespaces;
    facts.owns_cgroup_namespace = snapshot.owns_cgroup_namespace;
    for (const auto& [point, directory] : snapshot.directories) {
        facts.delegated[point] = directory.delegated;
        facts.owned[point] = directory.owned;
        facts.outsiders[point] = directory.outsiders;
    }
    facts.pid1_mounts = snapshot.pid1_mounts;
    facts.neighbours = snapshot.neighbours;
    facts.neighbour = snapshot.neighbour;
    facts.container_variable = snapshot.container_variable;
    facts.working_directory_mount = snapshot.working_directory.mount;
    facts.root_mount = snapshot.root_mount;
    facts.descriptors = snapshot.descriptors;
    facts.tried = snapshot.tried;
    files[kCaptureFacts] = capture_facts_text(facts);
    return files;
}

std::string about_text(const Snapshot& snapshot, const std::string& options, const std::string& problem) {
    const std::string& file = snapshot.init.path;
    // Whoever made the image named the init.
    std::string text = line_of({"cginit ", kVersion, " ", options});
    text += line_of({"kernel ", snapshot.kernel_release.value_or("unknown")});
    text += line_of({"init ", describe(snapshot.init), file.empty() ? "" : ", ", file});
    text += problem.empty() ? "" : line_of({"not complete: ", problem});
    return text + kInstructions;
}

bool is_own_capture(const std::string& text) {
    const Result<Capture> capture = parse_capture_text(text, "");
    if (!capture || !capture->files.contains(kCaptureFacts) || capture_text(*capture) != text ||
        !capture->about.ends_with(kInstructions)) {
        return false;
    }
    const std::vector<std::string> lines =
        split(capture->about.substr(0, capture->about.size() - std::string_view(kInstructions).size()), '\n');
    constexpr std::string_view kHeads[] = {"cginit ", "kernel ", "init ", "not complete: "};
    // And what is behind the last line's end.
    const bool few = lines.size() > 3 && lines.size() <= std::size(kHeads) + 1;
    return few && std::equal(lines.begin(), lines.end() - 1, std::begin(kHeads),
                             [](const std::string& line, std::string_view head) { return line.starts_with(head); });
}

}  // namespace cginit
