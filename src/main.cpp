#include <unistd.h>

#include <array>
#include <climits>

#include "app/app.hpp"
#include "app/log.hpp"
#include "cli/options_parser.hpp"

namespace {

cginit::Invocation read_invocation(int argc, char** argv, char** environment) {
    cginit::Invocation invocation;
    invocation.argv.assign(argv, argv + argc);
    for (char** variable = environment; *variable != nullptr; ++variable) {
        invocation.environment.emplace_back(*variable);
    }
    std::array<char, PATH_MAX> self{};
    const ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size());
    if (length > 0) {
        invocation.self_exe.assign(self.data(), static_cast<std::size_t>(length));
    }
    return invocation;
}

int fail(const cginit::Error& error) {
    cginit::log_error(error.message());
    return cginit::exit_status(error.kind);
}

int print(const std::string& text, int exit_status) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    return written == static_cast<ssize_t>(text.size()) ? exit_status : cginit::exit_status(cginit::ErrorKind::refused);
}

}  // namespace

int main(int argc, char** argv, char** environment) {
    const cginit::Invocation invocation = read_invocation(argc, argv, environment);
    const cginit::Result<cginit::ParseOutcome> parsed = cginit::parse_command_line(invocation);
    if (!parsed) {
        return fail(parsed.error());
    }
    if (!parsed->options) {
        return print(parsed->text, parsed->exit_status);
    }
    const cginit::Options& options = *parsed->options;
    cginit::set_log_level(options.log_level);
    for (const std::string& warning : options.warnings) {
        cginit::log_warning(warning);
    }
    const cginit::Status status = cginit::run(options, invocation);
    return status ? 0 : fail(status.error());
}
