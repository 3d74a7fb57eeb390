#include "cli/options_parser.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "cginit/build.hpp"
#include "cginit/version.hpp"
#include "cli/settings.hpp"
#include "core/text.hpp"

namespace cginit {

namespace {

constexpr const char* kSeeHelp = "see cginit --help";

/// The options of the command line as given, by row of settings().
struct Given {
    std::vector<std::vector<std::string>> values;
    bool help = false;
    bool version = false;
    std::vector<std::string> init_argv;
};

Error bad_value(const std::string& what, const std::string& value, const Setting& setting) {
    return make_error(ErrorCode::usage, concat({what, ": '", value, "' is not ", setting.expected}));
}

/// `--layout` for `--layout`, `--verbose` for `-v,--verbose`: the name in messages.
std::string long_name(const Setting& setting) { return split(setting.option, ',').back(); }

const Setting* find_setting(std::string_view option) {
    for (const Setting& setting : settings()) {
        if (long_name(setting) == option) {
            return &setting;
        }
    }
    return nullptr;
}

Error missing_value(const std::string& option) {
    const Setting* setting = find_setting(option);
    return setting == nullptr ? make_error(ErrorCode::usage, concat({option, " needs a value"}), {kSeeHelp})
                              : make_error(ErrorCode::usage, concat({option, " needs a value: ", setting->expected}));
}

/// CLI11 keeps what it does not know in order: unknown options, `--`, and everything from the first positional on.
Status take_init(const CLI::App& app, const std::vector<std::string>& arguments, Given& given) {
    std::vector<std::string> rest = app.remaining();
    // `--root= x` would otherwise silently be `--root x`.
    const auto options_end = arguments.end() - static_cast<std::ptrdiff_t>(std::min(rest.size(), arguments.size()));
    for (auto argument = arguments.begin(); argument != options_end; ++argument) {
        if (argument->starts_with("--") && argument->ends_with('=')) {
            return missing_value(argument->substr(0, argument->size() - 1));
        }
    }
    if (!rest.empty() && rest.front() == "--") {
        rest.erase(rest.begin());
    } else if (!rest.empty() && options_end != arguments.begin() && *(options_end - 1) == "--capture") {
        // It took its file so once, and would now take that for the init.
        return make_error(
            ErrorCode::usage, concat({"--capture takes no word after it, as ", rest.front()}),
            {concat({"for a file write --capture=", rest.front(), ", for an init --capture -- ", rest.front()})});
    } else if (!rest.empty() && rest.front().size() > 1 && rest.front().starts_with('-')) {
        return make_error(ErrorCode::usage, "unknown option " + rest.front(), {kSeeHelp});
    }
    given.init_argv = std::move(rest);
    return {};
}

/// True if the command line is just INIT and its ARGS.
bool has_no_options(const std::vector<std::string>& arguments) {
    return arguments.empty() || !arguments.front().starts_with('-');
}

Result<Given> read_arguments(const std::vector<std::string>& arguments) {
    CLI::App app;
    app.set_help_flag();
    app.prefix_command();
    std::vector<const CLI::Option*> options;
    for (const Setting& setting : settings()) {
        CLI::Option* option = nullptr;
        if (setting.optional_value) {
            option = app.add_flag(setting.option);
        } else if (setting.values == nullptr) {
            option = app.add_flag(setting.option)->disable_flag_override();
        } else {
            option = app.add_option(setting.option)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        }
        options.push_back(option);
    }
    try {
        // CLI11 takes them last first.
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ArgumentMismatch& error) {
        // Only the last argument can lack its value: any other would have taken the next one.
        const std::string last = arguments.back().substr(0, arguments.back().find('='));
        return find_setting(last) != nullptr && find_setting(last)->values != nullptr
                   ? missing_value(last)
                   : make_error(ErrorCode::usage, error.what(), {kSeeHelp});
    } catch (const CLI::Error& error) {
        return make_error(ErrorCode::usage, error.what(), {kSeeHelp});
    }
    Given given;
    given.help = app.count("--help") > 0;
    given.version = app.count("--version") > 0;
    for (const CLI::Option* option : options) {
        given.values.push_back(option->results());
    }
    if (const Status status = take_init(app, arguments, given); !status) {
        return status.error();
    }
    return given;
}

/// Another option on the command line that sets the same thing as row `index`: --log-level, -v and -q; or that asks for
/// something else to be done.
const Setting* find_rival(const Given& given, std::size_t index) {
    const Setting& setting = settings()[index];
    for (std::size_t i = 0; i < index; ++i) {
        const Setting& other = settings()[i];
        const bool same_thing = other.variable != nullptr && setting.variable != nullptr &&
                                std::string_view(other.variable) == setting.variable;
        if (!given.values[i].empty() && (same_thing || (other.action && setting.action))) {
            return &other;
        }
    }
    return nullptr;
}

Status apply_arguments(const Given& given, Draft& options, std::vector<const char*>& variables_done) {
    for (std::size_t i = 0; i < settings().size(); ++i) {
        const Setting& setting = settings()[i];
        const std::vector<std::string>& values = given.values[i];
        if (values.empty()) {
            continue;
        }
        if (const Setting* rival = find_rival(given, i)) {
            return make_error(ErrorCode::usage,
                              concat({long_name(*rival), " and ", long_name(setting), " contradict each other"}),
                              {"give one of them"});
        }
        if (setting.variable != nullptr) {
            variables_done.push_back(setting.variable);
        }
        // Of a single value given twice the last one counts, so that a script's default can be overridden.
        for (auto value = setting.repeatable ? values.begin() : values.end() - 1; value != values.end(); ++value) {
            if (!setting.apply(options, *value)) {
                return bad_value(long_name(setting), *value, setting);
            }
        }
        options.sources[long_name(setting)] = "command line";
    }
    return {};
}

Status apply_variable(const Setting& setting, const std::string& value, Draft& options) {
    const std::vector<std::string> values = setting.repeatable ? split(value, ':') : std::vector<std::string>{value};
    for (const std::string& piece : values) {
        // Compose files and unit files set variables to nothing where they mean "not set".
        if (!piece.empty() && !setting.apply(options, piece)) {
            return bad_value(setting.variable, piece, setting);
        }
    }
    return {};
}

bool contains(const std::vector<const char*>& names, std::string_view name) {
    return std::any_of(names.begin(), names.end(), [&](const char* known) { return name == known; });
}

/// What the command line did not say, from the environment.
Status apply_environment(const Invocation& invocation, const std::vector<const char*>& variables_done, Draft& options) {
    for (const Setting& setting : settings()) {
        const bool readable = setting.values != nullptr || setting.switchable;
        if (setting.variable == nullptr || !readable || contains(variables_done, setting.variable)) {
            continue;
        }
        const char* value = environment_value(invocation.environment, setting.variable);
        if (value == nullptr) {
            continue;
        }
        if (const Status status = apply_variable(setting, value, options); !status) {
            return status.error();
        }
        options.sources[long_name(setting)] = setting.variable;
    }
    return {};
}

/// A Kubernetes Service named cginit makes CGINIT_SERVICE_HOST and the like: no reason to fail.
void warn_of_unknown_variables(const Invocation& invocation, Options& options) {
    for (const std::string& entry : invocation.environment) {
        if (!entry.starts_with("CGINIT_")) {
            continue;
        }
        const std::string name = entry.substr(0, entry.find('='));
        const auto all = settings();
        const bool known = std::any_of(all.begin(), all.end(), [&](const Setting& setting) {
            return setting.variable != nullptr && name == setting.variable;
        });
        if (!known) {
            options.warnings.push_back(concat({"unknown environment variable ", name, ", ignoring"}));
        }
    }
}

/// What is left to say once all is read, or why it contradicts itself.
Result<Options> finish(Draft draft) {
    const bool of_capture = draft.from.root != "/";
    if (draft.from.init_traits && !of_capture) {
        return make_error(ErrorCode::usage, "--init-traits stands in for the init of a capture",
                          {"give the capture with --root=FILE"});
    }
    if (of_capture && std::holds_alternative<BecomeInit>(draft.action)) {
        return make_error(ErrorCode::usage,
                          concat({"--root ", draft.from.root, " is only read, nothing can be run there"}),
                          {"add --dry-run or --explain"});
    }
    if (of_capture && std::holds_alternative<WriteCapture>(draft.action)) {
        return make_error(ErrorCode::usage,
                          "--capture writes what the running system shows, and --root names a capture",
                          {"leave one of them out"});
    }
    if (auto* print = std::get_if<PrintPlan>(&draft.action)) {
        print->from = std::move(draft.from);
    } else if (auto* explain = std::get_if<Explain>(&draft.action)) {
        explain->from = std::move(draft.from);
    }
    return Options(std::move(draft));
}

}  // namespace

Result<ParseOutcome> parse_command_line(const Invocation& invocation) {
    Draft options;
    std::vector<const char*> variables_done;
    const std::vector<std::string>& argv = invocation.argv;
    const std::vector<std::string> arguments(argv.empty() ? argv.begin() : argv.begin() + 1, argv.end());
    if (!argv.empty() && !is_own_name(argv.front())) {
        options.init = WrappedInit{arguments};
    } else if (has_no_options(arguments)) {
        options.init = NamedInit{arguments};  // the usual ENTRYPOINT, which need not pay for CLI11's tables
    } else {
        Result<Given> given = read_arguments(arguments);
        if (!given) {
            return given.error();
        }
        if (given->help || given->version) {
            return ParseOutcome{std::nullopt,
                                given->help ? help_text() : concat({"cginit ", kVersion, " (", kBuild, ")\n"}), 0};
        }
        if (const Status status = apply_arguments(*given, options, variables_done); !status) {
            return status.error();
        }
        options.init = NamedInit{std::move(given->init_argv)};
    }
    if (!options.ignore_variables) {
        if (const Status status = apply_environment(invocation, variables_done, options); !status) {
            return status.error();
        }
        warn_of_unknown_variables(invocation, options);
    }
    Result<Options> finished = finish(std::move(options));
    if (!finished) {
        return finished.error();
    }
    return ParseOutcome{std::move(*finished), {}, 0};
}

}  // namespace cginit
