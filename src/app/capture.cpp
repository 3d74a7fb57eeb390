#include "app/capture.hpp"

#include <unistd.h>

#include <map>

#include "app/output.hpp"
#include "app/scene.hpp"
#include "apply/kernel_linux_files.hpp"
#include "core/text.hpp"
#include "detect/init_traits.hpp"
#include "report/capture.hpp"
#include "report/tar.hpp"

namespace cginit {
namespace {

using Files = std::map<std::string, std::string>;

/// The command line without the init's.
std::string options_given(const Options& options, const Invocation& invocation) {
    const std::vector<std::string>& argv = invocation.argv;
    const auto begin = argv.begin() + 1;
    auto end = argv.end() - static_cast<std::ptrdiff_t>(options.init_argv.size());
    end -= end != begin && *(end - 1) == "--" ? 1 : 0;
    return join({begin, end}, " ");
}

Files gather_files(Source& source, const Result<InitCommand>& init, const std::string& options) {
    Files texts;
    Snapshot known;
    known.pid = ::getpid();
    known.init = init ? detect_init_traits(source, init->file) : InitTraits{};
    known.init.needs = init ? init->program.needs : std::vector<std::string>();
    source.note_texts(&texts);
    const Result<Snapshot> gathered = take_snapshot(source, known.init);
    source.note_texts(nullptr);
    if (!gathered && source.exists("/proc/1") && !source.exists("/proc/self")) {
        texts["/proc/1"] = "";  // which tells another pid namespace's /proc from none at all
    }
    const std::string problem = !gathered ? gathered.error().message() : (init ? "" : init.error().message());
    const Snapshot& snapshot = gathered ? *gathered : known;
    Files files = capture_files(std::move(texts), snapshot);
    files["/about.txt"] = about_text(snapshot, options, problem);
    return files;
}

}  // namespace

Status write_capture(Source& source, const Result<InitCommand>& init, const Options& options,
                     const Invocation& invocation) {
    const std::string archive = tar_archive(gather_files(source, init, options_given(options, invocation)));
    if (options.capture_file != "-") {
        const Status written = write_new_file(options.capture_file, archive);
        return written ? written
                       : written.error().with_cure(
                             {ErrorCode::usage, "name a file that is not there, or - for standard output"});
    }
    if (::isatty(STDOUT_FILENO) == 1) {
        return make_error(ErrorCode::usage, "standard output is a terminal, which garbles a tar archive",
                          "send it to a file: cginit --capture - > report.tar, with an engine's run without -t");
    }
    return print_text(archive);
}

}  // namespace cginit
