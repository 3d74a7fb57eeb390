#include "cli/settings.hpp"

#include <sys/capability.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "core/text.hpp"

namespace cginit {

namespace {

template <class Choice>
bool choose(Choice& target, const std::string& value, std::initializer_list<Choice> choices) {
    for (const Choice choice : choices) {
        if (value == to_string(choice)) {
            target = choice;
            return true;
        }
    }
    return false;
}

bool set_layout(Draft& options, const std::string& value) {
    return choose(options.layout, value,
                  {Layout::automatic, Layout::host, Layout::unified, Layout::hybrid, Layout::legacy});
}

bool set_method(Draft& options, const std::string& value) {
    return choose(options.method, value,
                  {Method::automatic, Method::name_space, Method::bind, Method::remount, Method::userns, Method::none});
}

bool set_inner(Draft& options, const std::string& value) {
    return choose(options.inner, value, {Inner::automatic, Inner::never});
}

/// `cpu,memory`: names as in cgroup.controllers and /proc/cgroups; empty if it is no such list.
std::vector<std::string> controller_list(const std::string& value) {
    std::vector<std::string> controllers = split(value, ',');
    const bool good = std::all_of(controllers.begin(), controllers.end(), [](const std::string& controller) {
        return !controller.empty() && controller.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
    });
    return good ? controllers : std::vector<std::string>();
}

/// One of the words, or a list of controllers.
template <class Word>
bool choose_or_list(WordOrControllers<Word>& target, const std::string& value, std::initializer_list<Word> words) {
    Word word{};
    if (choose(word, value, words)) {
        target = word;
        return true;
    }
    std::vector<std::string> controllers = controller_list(value);
    const bool good = !controllers.empty();
    if (good) {
        target = WordOrControllers<Word>(std::move(controllers));
    }
    return good;
}

bool set_writable(Draft& options, const std::string& value) {
    return choose_or_list(options.writable, value, {Writable::all, Writable::tracking});
}

bool set_delegate(Draft& options, const std::string& value) {
    return choose_or_list(options.delegate, value, {Delegate::automatic, Delegate::all, Delegate::none});
}

/// A number from `least` on, or `max` for none. No more than the kernel's own `max`, INT_MAX.
bool set_limit(std::optional<std::uint64_t>& limit, const std::string& value, std::uint64_t least) {
    limit = parse_number(value);
    return value == "max" || (limit && *limit >= least && *limit <= std::numeric_limits<int>::max());
}

bool set_max_cgroups(Draft& options, const std::string& value) {
    return set_limit(options.max_cgroups, value, kLeastCgroups);
}

bool set_max_depth(Draft& options, const std::string& value) {
    return set_limit(options.max_depth, value, kLeastDepth);
}

/// A flag on the command line, 1 or 0 in the environment.
bool set_allow_host_cgroup(Draft& options, const std::string& value) {
    options.allow_host_cgroup = value != "0";
    return value == "1" || value == "0" || value == "true";
}

bool set_on_failure(Draft& options, const std::string& value) {
    return choose(options.on_failure, value, {OnFailure::exit, OnFailure::proceed});
}

bool set_tmpfs(Draft& options, const std::string& value) {
    options.tmpfs.reset();
    if (value == "auto") {
        return true;
    }
    options.tmpfs.emplace();
    if (value == "never") {
        return true;
    }
    for (const std::string& point : split(value, ',')) {
        if (std::find(kTmpfsPoints.begin(), kTmpfsPoints.end(), point) == kTmpfsPoints.end()) {
            return false;
        }
        options.tmpfs->push_back(point);
    }
    return true;
}

bool set_copy_limits(Draft& options, const std::string& value) {
    return choose(options.copy_limits, value, {LimitCopies::automatic, LimitCopies::never});
}

bool set_sys(Draft& options, const std::string& value) {
    return choose(options.sys, value, {Expected::automatic, Expected::keep});
}

bool set_propagation(Draft& options, const std::string& value) {
    return choose(options.propagation, value, {Expected::automatic, Expected::keep});
}

bool set_ttys(Draft& options, const std::string& value) {
    return choose(options.ttys, value, {Expected::automatic, Expected::keep});
}

/// `SYS_ADMIN`, `cap_sys_admin`: as engines write it, or as libcap does.
bool add_drop_cap(Draft& options, const std::string& value) {
    std::string name = value;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (!name.starts_with("cap_")) {
        name.insert(0, "cap_");
    }
    options.drop_capabilities.push_back(name);
    cap_value_t number = 0;
    if (::cap_from_name(name.c_str(), &number) != 0) {
        return false;
    }
    // What follows a name is not looked at: `cap_kill,cap_sys_admin` would be cap_kill.
    const std::unique_ptr<char, int (*)(void*)> found(::cap_to_name(number), ::cap_free);
    return found != nullptr && name == found.get();
}

bool add_keep_mount(Draft& options, const std::string& value) {
    if (!value.starts_with('/')) {
        return false;
    }
    std::string path = value;
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();  // mountinfo has no trailing slashes to compare with
    }
    options.keep_mounts.push_back(path);
    return true;
}

bool set_ignore_variables(Draft& options, const std::string&) {
    options.ignore_variables = true;
    return true;
}

bool set_dry_run(Draft& options, const std::string&) {
    options.action = PrintPlan{};
    return true;
}

bool set_explain(Draft& options, const std::string& value) {
    options.action = Explain{value == "json" ? ExplainAs::json : ExplainAs::text};
    return value == "true" || value == "text" || value == "json";
}

bool set_capture(Draft& options, const std::string& value) {
    options.action = WriteCapture{value == "true" || value == "-" ? "" : value};
    return true;
}

bool set_root(Draft& options, const std::string& value) {
    // However many slashes name it, "/" is the running system.
    options.from.root = value.find_first_not_of('/') == std::string::npos ? "/" : value;
    return !value.empty();
}

bool set_init_traits(Draft& options, const std::string& value) {
    options.from.init_traits = parse_init_traits(value);
    return options.from.init_traits.has_value();
}

bool set_log_level(Draft& options, const std::string& value) {
    struct Name {
        std::string_view text;
        LogLevel level;
    };
    constexpr Name kNames[] = {{"info", LogLevel::info},
                               {"debug", LogLevel::debug},
                               {"warning", LogLevel::warning},
                               {"error", LogLevel::error},
                               {"off", LogLevel::off}};
    for (const Name& name : kNames) {
        if (value == name.text) {
            options.log_level = name.level;
            return true;
        }
    }
    return false;
}

bool set_verbose(Draft& options, const std::string&) {
    options.log_level = LogLevel::debug;
    return true;
}

bool set_quiet(Draft& options, const std::string&) {
    options.log_level = LogLevel::warning;
    return true;
}

constexpr Setting kSettings[] = {
#include "cli/option_rows.inc"
};

constexpr std::string_view kHelpHead =
    "Usage: cginit [OPTIONS] [--] [INIT [ARGS...]]\n"
    "\n"
    "Makes the container's cgroups private and writable and becomes INIT\n"
    "(default: /sbin/init, else the first real init found).\n"
    "The first value of an option is its default. What follows INIT is INIT's.\n";

constexpr std::string_view kHelpTail =
    "\n"
    "Called under another name (init, systemd: installed over an init), cginit takes\n"
    "no options: all arguments are the init's, and the init it replaces is looked up.\n"
    "\n"
    "Environment: the variables in [brackets]; the command line wins.\n"
    "\n"
    "Exit status: the init's own, or\n"
    "  125  cginit failed or refused\n"
    "  126  the init cannot be executed\n"
    "  127  the init was not found\n";

void append_indented(std::string& text, const char* lines) {
    for (const std::string& line : split(lines, '\n')) {
        text += concat({"      ", line, "\n"});
    }
}

/// `  --layout=auto|host  [CGINIT_LAYOUT]` and what it means.
void append_setting(std::string& text, const Setting& setting) {
    text += concat({"  ", join(split(setting.option, ','), ", ")});
    if (setting.optional_value) {
        text += concat({"[=", setting.values, "]"});
    } else if (setting.values != nullptr) {
        text += concat({"=", setting.values});
        if (setting.variable != nullptr) {
            text += concat({"  [", setting.variable, "]"});
        }
    } else if (setting.switchable) {
        text += concat({"  [", setting.variable, "]"});
    }
    text += "\n";
    if (setting.help != nullptr) {
        append_indented(text, setting.help);
    }
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

std::string help_text() {
    std::string text(kHelpHead);
    std::string_view group;
    for (const Setting& setting : kSettings) {
        if (group != setting.group) {
            group = setting.group;
            text += concat({"\n", group, ":\n"});
        }
        append_setting(text, setting);
    }
    text += kHelpTail;
    return text;
}

}  // namespace cginit
