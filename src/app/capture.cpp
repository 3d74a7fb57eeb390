#include "app/app.hpp"

#include <unistd.h>

#include <cerrno>

#include "app/output.hpp"
#include "app/scene.hpp"
#include "app/try_out.hpp"
#include "apply/linux/files.hpp"
#include "core/capture_text.hpp"
#include "core/text.hpp"
#include "read/gather.hpp"
#include "report/capture.hpp"

namespace cginit {
namespace {

/// The command line without the init's.
std::string options_given(const Options& options, const Invocation& invocation) {
    const std::vector<std::string>& argv = invocation.argv;
    const auto begin = argv.begin() + 1;
    auto end = argv.end() - static_cast<std::ptrdiff_t>(init_argv(options).size());
    end -= end != begin && *(end - 1) == "--" ? 1 : 0;
    return join({begin, end}, " ");
}

Capture gather_capture(Source& source, const Result<InitCommand>& init, const Options& options,
                       const std::string& given) {
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
    // What only trying tells is worth most in a report.
    const Snapshot snapshot = gathered ? try_out(source, *gathered, options).snapshot : known;
    return {about_text(snapshot, given, problem), capture_files(std::move(texts), snapshot)};
}

/// An earlier capture gives way to a new one, and nothing else does. What is no file is not opened.
bool is_earlier_capture(const Source& source, const std::string& file) {
    const Result<std::string> text =
        source.type(file) == FileType::regular ? source.read(file) : Result<std::string>(std::string());
    return text && is_own_capture(*text);
}

}  // namespace

Status write_capture(Source& source, const Result<InitCommand>& init, const std::string& file, const Options& options,
                     const Invocation& invocation) {
    const std::string text = capture_text(gather_capture(source, init, options, options_given(options, invocation)));
    if (file.empty()) {
        return print_text(text);
    }
    const Status written = is_earlier_capture(source, file) ? replace_file(file, text) : write_new_file(file, text);
    return written || written.error().errnum != EEXIST
               ? written
               : written.error().with_hint(
                     {ErrorCode::usage,
                      {},
                      {"name a file that is not there, or is a capture to which nothing was added; "
                       "without =FILE it goes to standard output"}});
}

}  // namespace cginit
