#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cginit/capture_facts.hpp"
#include "cli/options_parser.hpp"
#include "core/text.hpp"
#include "fuzz/lines.hpp"
#include "read/capture_files.hpp"
#include "read/proc_files.hpp"

// Each parser on its own, with bytes at random: the first one says which. Whatever is accepted was read whole.

namespace cginit {
namespace {

constexpr const char* kName = "input";

template <class T>
void require_place(const Result<T>& result) {
    if (!result && !result.error().message().starts_with(kName)) {
        std::fprintf(stderr, "BROKEN: an error names the file\n  %s\n", result.error().message().c_str());
        std::abort();
    }
}

void require_whole(const Snapshot& snapshot, const std::string& mountinfo, const std::string& cgroup) {
    const std::vector<std::string> lost = lost_lines(snapshot, mountinfo, cgroup);
    if (!lost.empty()) {
        std::fprintf(stderr, "BROKEN: no line is lost\n  %s\n", join(lost, "\n  ").c_str());
        std::abort();
    }
}

void parse_mounts(const std::string& text) {
    Result<MountTable> mounts = parse_mountinfo(text, kName);
    require_place(mounts);
    if (mounts) {
        Snapshot snapshot;
        snapshot.mounts = *mounts;
        require_whole(snapshot, text, {});
    }
}

void parse_cgroups(const std::string& text) {
    const Result<std::vector<CgroupEntry>> cgroups = parse_proc_cgroup(text, kName);
    require_place(cgroups);
    if (cgroups) {
        Snapshot snapshot;
        snapshot.cgroups = *cgroups;
        require_whole(snapshot, {}, text);
    }
}

/// What is accepted can be written, and is then read as the same.
void parse_facts(const std::string& text) {
    const Result<CaptureFacts> facts = parse_capture_facts(text, kName);
    require_place(facts);
    if (facts && parse_capture_facts(capture_facts_text(*facts), kName).value() != *facts) {
        std::fprintf(stderr, "BROKEN: what is written is read again\n");
        std::abort();
    }
}

/// Likewise; what is said to people is no fact, and not kept to the byte.
void parse_capture(const std::string& text) {
    const Result<Files> files = read_capture(text, kName);
    require_place(files);
    if (files && !files->empty() && read_capture(capture_text({"", *files}), kName).value() != *files) {
        std::fprintf(stderr, "BROKEN: what is written is read again\n");
        std::abort();
    }
}

/// Arguments first, one a line, then the environment after an empty line.
void parse_options(const std::string& text) {
    Invocation invocation{{"/cginit"}, {}, "/cginit"};
    bool environment = false;
    for (const std::string& line : split(text, '\n')) {
        environment = environment || line.empty();
        (environment ? invocation.environment : invocation.argv).push_back(line);
    }
    const Result<ParseOutcome> outcome = parse_command_line(invocation);
    if (!outcome && outcome.error().frames.empty()) {
        std::fprintf(stderr, "BROKEN: an error says what is wrong\n");
        std::abort();
    }
}

}  // namespace
}  // namespace cginit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0]) {
        case 'm': cginit::parse_mounts(text); break;
        case 'c': cginit::parse_cgroups(text); break;
        case 's': cginit::require_place(cginit::parse_status(text, cginit::kName)); break;
        case 'o': cginit::parse_options(text); break;
        case 'f': static_cast<void>(cginit::parse_filesystems(text)); break;
        case 'n': static_cast<void>(cginit::parse_namespace_link(text)); break;
        case 'k': cginit::parse_facts(text); break;
        case 't': cginit::parse_capture(text); break;
        case 'i': static_cast<void>(cginit::parse_init_traits(text)); break;
        default: break;
    }
    return 0;
}
