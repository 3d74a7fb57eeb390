#include "cli/settings.hpp"

#include <sys/capability.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string_view>

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

bool set_layout(Options& options, const std::string& value) {
    return choose(options.layout, value,
                  {Layout::automatic, Layout::host, Layout::unified, Layout::hybrid, Layout::legacy});
}

bool set_method(Options& options, const std::string& value) {
    return choose(options.method, value,
                  {Method::automatic, Method::name_space, Method::bind, Method::remount, Method::userns, Method::none});
}

bool set_inner(Options& options, const std::string& value) {
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

bool set_writable(Options& options, const std::string& value) {
    options.writable_controllers.clear();
    if (choose(options.writable, value, {Writable::all, Writable::tracking})) {
        return true;
    }
    options.writable = Writable::list;
    options.writable_controllers = controller_list(value);
    return !options.writable_controllers.empty();
}

bool set_delegate(Options& options, const std::string& value) {
    options.delegate_controllers.clear();
    if (choose(options.delegate, value, {Delegate::automatic, Delegate::all, Delegate::none})) {
        return true;
    }
    options.delegate = Delegate::list;
    options.delegate_controllers = controller_list(value);
    return !options.delegate_controllers.empty();
}

/// A number from `least` on, or `max` for none. No more than the kernel's own `max`, INT_MAX.
bool set_limit(std::optional<unsigned long>& limit, const std::string& value, unsigned long least) {
    limit = parse_number(value);
    return value == "max" || (limit && *limit >= least && *limit <= std::numeric_limits<int>::max());
}

bool set_max_cgroups(Options& options, const std::string& value) {
    return set_limit(options.max_cgroups, value, kLeastCgroups);
}

bool set_max_depth(Options& options, const std::string& value) {
    return set_limit(options.max_depth, value, kLeastDepth);
}

/// A flag on the command line, 1 or 0 in the environment.
bool set_allow_host_cgroup(Options& options, const std::string& value) {
    options.allow_host_cgroup = value != "0";
    return value == "1" || value == "0" || value == "true";
}

bool set_on_failure(Options& options, const std::string& value) {
    return choose(options.on_failure, value, {OnFailure::exit, OnFailure::proceed});
}

bool set_tmpfs(Options& options, const std::string& value) {
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

bool set_sys(Options& options, const std::string& value) {
    return choose(options.sys, value, {Expected::automatic, Expected::keep});
}

bool set_propagation(Options& options, const std::string& value) {
    return choose(options.propagation, value, {Expected::automatic, Expected::keep});
}

bool set_ttys(Options& options, const std::string& value) {
    return choose(options.ttys, value, {Expected::automatic, Expected::keep});
}

/// `SYS_ADMIN`, `cap_sys_admin`: as engines write it, or as libcap does.
bool add_drop_cap(Options& options, const std::string& value) {
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

bool add_keep_mount(Options& options, const std::string& value) {
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

bool set_ignore_variables(Options& options, const std::string&) {
    options.ignore_variables = true;
    return true;
}

bool set_dry_run(Options& options, const std::string&) {
    options.action = Action::dry_run;
    return true;
}

bool set_explain(Options& options, const std::string& value) {
    options.action = Action::explain;
    options.explain_as = value == "json" ? ExplainAs::json : ExplainAs::text;
    return value == "true" || value == "text" || value == "json";
}

bool set_capture(Options& options, const std::string& value) {
    options.action = Action::capture;
    options.capture_file = value == "true" || value == "-" ? "" : value;
    return true;
}

bool set_root(Options& options, const std::string& value) {
    // However many slashes name it, "/" is the running system.
    options.root = value.find_first_not_of('/') == std::string::npos ? "/" : value;
    return !value.empty();
}

bool set_init_traits(Options& options, const std::string& value) {
    options.init_traits = parse_init_traits(value);
    return options.init_traits.has_value();
}

bool set_log_level(Options& options, const std::string& value) {
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

bool set_verbose(Options& options, const std::string&) {
    options.log_level = LogLevel::debug;
    return true;
}

bool set_quiet(Options& options, const std::string&) {
    options.log_level = LogLevel::warning;
    return true;
}

constexpr const char* kView = "The view of the cgroups";
constexpr const char* kExpected = "What systemd expects of a container manager, where the engine did not do it";
constexpr const char* kInit = "The init";
constexpr const char* kInspect = "Looking without changing anything";
constexpr const char* kMessages = "Messages";

constexpr Setting kSettings[] = {
    {"--layout", "CGINIT_LAYOUT", "auto|host|unified|hybrid|legacy", "auto, host, unified, hybrid or legacy", kView,
     "the hierarchies that the init gets to see; host = those that the engine\n"
     "shows; auto = host, unless this systemd cannot boot on it",
     set_layout},
    {"--method", "CGINIT_METHOD", "auto|namespace|bind|remount|userns|none",
     "auto, namespace, bind, remount, userns or none", kView,
     "how the view becomes private and writable; userns = in a user namespace,\n"
     "which auto takes where there is no CAP_SYS_ADMIN",
     set_method},
    {"--inner", "CGINIT_INNER", "auto|never", "auto or never", kView,
     "one cgroup level between the engine's limits and the init;\n"
     "auto = wherever it guards them",
     set_inner},
    {"--writable", "CGINIT_WRITABLE", "all|tracking|LIST", "all, tracking or a list such as memory,pids", kView,
     "the controllers that the init may set; all = those that cannot give the\n"
     "engine's limits away; tracking = none, but services can be tracked",
     set_writable},
    {"--delegate", "CGINIT_DELEGATE", "auto|all|none|LIST", "auto, all, none or a list such as cpu,memory", kView,
     "make the controllers ready for an init that does not do so itself;\n"
     "auto = for everything but systemd; LIST = these, separated by commas",
     set_delegate},
    {"--max-cgroups", "CGINIT_MAX_CGROUPS", "4096|NUMBER|max", "a number of at least 16, or max", kView,
     "how many v2 cgroups the container can have: they cost the host memory and\n"
     "ids; a lower limit of the engine's stays; max = none",
     set_max_cgroups},
    {"--max-depth", "CGINIT_MAX_DEPTH", "15|NUMBER|max", "a number of at least 4, or max", kView,
     "how many levels of them: deeper ones have paths that engines cannot\n"
     "remove; max = no limit",
     set_max_depth},
    {"--allow-host-cgroup", "CGINIT_ALLOW_HOST_CGROUP", nullptr, "1 or 0", kView,
     "permit a cgroup at the host's root, which outlives the container,\n"
     "where the init cannot do without; 1 in the variable",
     set_allow_host_cgroup, false, true},
    {"--on-failure", "CGINIT_ON_FAILURE", "exit|continue", "exit or continue", kView,
     "if the view cannot be had and all is as before: exit with 125, or run the\n"
     "init on the engine's own view, where that is safe for the host",
     set_on_failure},
    {"--keep-mount", "CGINIT_KEEP_MOUNT", "PATH", "an absolute path", kView,
     "leave the cgroup mounts at or below PATH as they are; repeatable,\n"
     "separated by colons in the variable (default: none)",
     add_keep_mount, true},
    {"--tmpfs", "CGINIT_TMPFS", "auto|never|LIST", "auto, never or a list of /run, /run/lock and /tmp", kExpected,
     "/run, /run/lock and /tmp as tmpfs, with what the engine put below them;\n"
     "LIST, comma-separated: these, for any init",
     set_tmpfs},
    {"--sys", "CGINIT_SYS", "auto|keep", "auto or keep", kExpected,
     "/sys read-only, or systemd manages the host's devices", set_sys},
    {"--propagation", "CGINIT_PROPAGATION", "auto|keep", "auto or keep", kExpected,
     "the mount tree shared, for what runs in namespaces below", set_propagation},
    {"--ttys", "CGINIT_TTYS", "auto|keep", "auto or keep", kExpected,
     "the host's terminals /dev/tty0 to tty63 out of sight", set_ttys},
    {"--drop-cap", "CGINIT_DROP_CAP", "CAP", "a capability such as SYS_ADMIN", kInit,
     "take this capability from the init, right before it starts; repeatable,\n"
     "separated by colons in the variable (default: none)",
     add_drop_cap, true},
    {"--ignore-variables", nullptr, nullptr, "", kInit,
     "the CGINIT_ variables set nothing, those of the image's ENV and the\n"
     "operator's alike; the init's environment stays as it is",
     set_ignore_variables},
    {"--dry-run", nullptr, nullptr, "", kInspect, "print the plan", set_dry_run, false, false, true},
    {"--explain", nullptr, "text|json", "text or json", kInspect,
     "say whether the init would get its view, and if not what is missing and\n"
     "the flag that gives it; the exit status is 0 if it would, 1 if not",
     set_explain, false, false, true, true},
    {"--capture", nullptr, "FILE", "a file", kInspect,
     "write the facts for a report, to standard output or to FILE: a text that\n"
     "--root takes",
     set_capture, false, false, true, true},
    {"--root", nullptr, "FILE", "a capture: its file, or a folder", kInspect,
     "read the facts from FILE, a capture; with --dry-run or --explain\n(default: /)", set_root},
    {"--init-traits", nullptr, "KIND[:VERSION]",
     "KIND[:VERSION] such as systemd:252, KIND one of systemd, sysvinit, busybox, openrc, runit, s6, finit, dinit, "
     "dockerd, podman, k3s, other and unknown",
     kInspect,
     "with --root: the init that the capture does not hold, such as\n"
     "systemd:252 (default: found in the capture)",
     set_init_traits},
    {"--log-level", "CGINIT_LOG_LEVEL", "info|debug|warning|error|off", "info, debug, warning, error or off", kMessages,
     "info = one line that says what was done; debug = each step", set_log_level},
    {"-v,--verbose", "CGINIT_LOG_LEVEL", nullptr, "", kMessages, "the same as --log-level=debug", set_verbose},
    {"-q,--quiet", "CGINIT_LOG_LEVEL", nullptr, "", kMessages, "the same as --log-level=warning", set_quiet},
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
    append_indented(text, setting.help);
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
    text += "\nAbout cginit:\n  -h, --help\n  --version\n";
    text += kHelpTail;
    return text;
}

}  // namespace cginit
