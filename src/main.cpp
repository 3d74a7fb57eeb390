#include <exception>
#include <new>

#include "advice/advice.hpp"
#include "app/app.hpp"
#include "app/output.hpp"
#include "cli/options_parser.hpp"

namespace {

cginit::Invocation read_invocation(int argc, char** argv, char** environment) {
    cginit::Invocation invocation;
    invocation.argv.assign(argv, argv + argc);
    for (char** variable = environment; *variable != nullptr; ++variable) {
        invocation.environment.emplace_back(*variable);
    }
    return invocation;
}

int fail(const cginit::Error& error) {
    cginit::log_error(error.with_hint(cginit::hint_for(error.errnum)).line());
    return cginit::exit_status(error.kind);
}

}  // namespace

int main(int argc, char** argv, char** environment) try {
    const cginit::Invocation invocation = read_invocation(argc, argv, environment);
    const cginit::Result<cginit::ParseOutcome> parsed = cginit::parse_command_line(invocation);
    if (!parsed) {
        return fail(parsed.error());
    }
    if (!parsed->options) {
        const cginit::Status printed = cginit::print_text(parsed->text);
        return printed ? parsed->exit_status : fail(printed.error());
    }
    const cginit::Options& options = *parsed->options;
    cginit::set_log_level(options.log_level);
    for (const std::string& warning : options.warnings) {
        cginit::log_warning(warning);
    }
    const cginit::Result<int> status = cginit::run(options, invocation);
    return status ? *status : fail(status.error());
} catch (const std::bad_alloc&) {
    cginit::log_out_of_memory();
    return cginit::exit_status(cginit::ErrorKind::refused);
} catch (const std::exception& error) {
    // A library's, or a fault of ours. On the way here what was done was taken back.
    return fail(cginit::make_error(cginit::ErrorCode::not_as_planned, error.what(),
                                   {"please report this with the output of --capture"}));
}
