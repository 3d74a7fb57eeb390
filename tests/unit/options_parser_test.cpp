#include "cli/options_parser.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "cli/settings.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

Result<ParseOutcome> parse(Strings arguments, const Strings& environment = {}, const std::string& name = "/cginit") {
    arguments.insert(arguments.begin(), name);
    return parse_command_line({arguments, environment, "/cginit"});
}

Options options_of(const Strings& arguments, const Strings& environment = {}, const std::string& name = "/cginit") {
    const Result<ParseOutcome> outcome = parse(arguments, environment, name);
    EXPECT_TRUE(outcome) << outcome.error().message();
    EXPECT_TRUE(outcome && outcome->options);
    Options options = outcome && outcome->options ? *outcome->options : Options{};
    options.sources.clear();
    return options;
}

std::map<std::string, std::string> sources_of(const Strings& arguments, const Strings& environment) {
    return parse(arguments, environment).value().options->sources;
}

std::string error_of(const Strings& arguments, const Strings& environment = {}, const std::string& name = "/cginit") {
    const Result<ParseOutcome> outcome = parse(arguments, environment, name);
    if (outcome) {
        return "no error";
    }
    EXPECT_EQ(exit_status(outcome.error().kind), 125);
    return outcome.error().message();
}

Options with(const std::function<void(Options&)>& change) {
    Options options;
    change(options);
    return options;
}

TEST(OptionsParser, Defaults) {
    EXPECT_EQ(options_of({}), Options{});
    EXPECT_EQ(parse_command_line({})->options, Options{}) << "no argv[0] at all";
}

TEST(OptionsParser, EachOption) {
    struct Case {
        Strings arguments;
        Options options;
    };
    const Case cases[] = {
        {{"--layout=unified"}, with([](Options& o) { o.layout = Layout::unified; })},
        {{"--layout", "hybrid"}, with([](Options& o) { o.layout = Layout::hybrid; })},
        {{"--layout=host", "--layout=legacy"}, with([](Options& o) { o.layout = Layout::legacy; })},
        {{"--layout=auto"}, Options{}},
        {{"--method=namespace"}, with([](Options& o) { o.method = Method::name_space; })},
        {{"--method=bind"}, with([](Options& o) { o.method = Method::bind; })},
        {{"--method=remount"}, with([](Options& o) { o.method = Method::remount; })},
        {{"--method=none"}, with([](Options& o) { o.method = Method::none; })},
        {{"--inner=never"}, with([](Options& o) { o.inner = Inner::never; })},
        {{"--writable=tracking"}, with([](Options& o) { o.writable = Writable::tracking; })},
        {{"--writable=memory,net_cls"}, with([](Options& o) {
             o.writable = WordOrControllers<Writable>(Strings{"memory", "net_cls"});
         })},
        {{"--writable=memory", "--writable=all"}, Options{}},
        {{"--delegate=all"}, with([](Options& o) { o.delegate = Delegate::all; })},
        {{"--delegate=none"}, with([](Options& o) { o.delegate = Delegate::none; })},
        {{"--delegate=cpu,memory"}, with([](Options& o) {
             o.delegate = WordOrControllers<Delegate>(Strings{"cpu", "memory"});
         })},
        {{"--delegate=cpu", "--delegate=auto"}, Options{}},
        {{"--drop-cap=SYS_ADMIN", "--drop-cap", "cap_mknod"}, with([](Options& o) {
             o.drop_capabilities = {"cap_sys_admin", "cap_mknod"};
         })},
        {{"--max-cgroups=16"}, with([](Options& o) { o.max_cgroups = 16; })},
        {{"--max-cgroups", "2147483647"}, with([](Options& o) { o.max_cgroups = 2147483647; })},
        {{"--max-cgroups=max"}, with([](Options& o) { o.max_cgroups.reset(); })},
        {{"--max-cgroups=max", "--max-cgroups=4096"}, Options{}},
        {{"--max-depth=4"}, with([](Options& o) { o.max_depth = 4; })},
        {{"--max-depth=max"}, with([](Options& o) { o.max_depth.reset(); })},
        {{"--copy-limits=never"}, with([](Options& o) { o.copy_limits = LimitCopies::never; })},
        {{"--copy-limits=auto"}, Options{}},
        {{"--allow-host-cgroup"}, with([](Options& o) { o.allow_host_cgroup = true; })},
        {{"--tmpfs=never"}, with([](Options& o) { o.tmpfs.emplace(); })},
        {{"--tmpfs=/tmp,/run/lock"}, with([](Options& o) {
             o.tmpfs = {"/tmp", "/run/lock"};
         })},
        {{"--tmpfs=/run", "--tmpfs=never"}, with([](Options& o) { o.tmpfs.emplace(); })},
        {{"--sys=keep"}, with([](Options& o) { o.sys = Expected::keep; })},
        {{"--sys=keep", "--sys=auto"}, Options{}},
        {{"--propagation=keep"}, with([](Options& o) { o.propagation = Expected::keep; })},
        {{"--ttys=keep"}, with([](Options& o) { o.ttys = Expected::keep; })},
        {{"--tmpfs=never", "--tmpfs=auto"}, Options{}},
        {{"--keep-mount=/host/sys/", "--keep-mount", "/b"}, with([](Options& o) {
             o.keep_mounts = {"/host/sys", "/b"};
         })},
        {{"--ignore-variables"}, with([](Options& o) { o.ignore_variables = true; })},
        {{"--dry-run"}, with([](Options& o) { o.action = PrintPlan{}; })},
        {{"--capture=-"}, with([](Options& o) { o.action = WriteCapture{}; })},
        {{"--capture"}, with([](Options& o) { o.action = WriteCapture{}; })},
        {{"--capture=report", "--root=/"}, with([](Options& o) { o.action = WriteCapture{"report"}; })},
        {{"--root=//"}, Options{}},
        {{"--root=capture", "--dry-run"}, with([](Options& o) { o.action = PrintPlan{{"capture"}}; })},
        {{"--root=/capture", "--dry-run", "--init-traits=systemd:252"}, with([](Options& o) {
             o.action = PrintPlan{{"/capture", InitTraits{InitKind::systemd, 252, ""}}};
         })},
        {{"-v"}, with([](Options& o) { o.log_level = LogLevel::debug; })},
        {{"-vv"}, with([](Options& o) { o.log_level = LogLevel::debug; })},
        {{"--quiet"}, with([](Options& o) { o.log_level = LogLevel::warning; })},
        {{"--log-level=off"}, with([](Options& o) { o.log_level = LogLevel::off; })},
        {{"--log-level=error"}, with([](Options& o) { o.log_level = LogLevel::error; })},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(options_of(c.arguments), c.options) << testing::PrintToString(c.arguments);
    }
}

TEST(OptionsParser, OptionsEndAtTheInit) {
    struct Case {
        Strings arguments, init_argv;
    };
    for (const Case& c : {
             Case{{"/sbin/init", "--layout=host", "-v", "--", "--bogus"},
                  {"/sbin/init", "--layout=host", "-v", "--", "--bogus"}},
             {{"--", "/cginit", "--", "/sbin/init"}, {"/cginit", "--", "/sbin/init"}},
             {{"--", "--layout=host"}, {"--layout=host"}},
             {{"--", "--", "x"}, {"--", "x"}},
             {{"--"}, {}},
             {{"/sbin/init", "--help"}, {"/sbin/init", "--help"}},
             {{"/sbin/init", ""}, {"/sbin/init", ""}},
             {{"", "x"}, {"", "x"}},
             {{"-"}, {"-"}},
             {{"init", "[a,b]", "--x="}, {"init", "[a,b]", "--x="}},
         }) {
        EXPECT_EQ(init_argv(options_of(c.arguments)), c.init_argv) << testing::PrintToString(c.arguments);
        EXPECT_EQ(options_of(c.arguments).layout, Layout::automatic);
    }
    EXPECT_EQ(init_argv(options_of({"--dry-run", "--", "x"})), Strings({"x"}));
    EXPECT_EQ(init_argv(options_of({"--keep-mount", "/a", "x"})), Strings({"x"}));
}

TEST(OptionsParser, Environment) {
    const Strings environment = {"CGINIT_LAYOUT=unified",
                                 "CGINIT_METHOD=bind",
                                 "CGINIT_INNER=never",
                                 "CGINIT_TMPFS=never",
                                 "CGINIT_KEEP_MOUNT=/a:/b:",
                                 "CGINIT_LOG_LEVEL=debug",
                                 "CGINIT_SYS=keep",
                                 "CGINIT_PROPAGATION=keep",
                                 "CGINIT_TTYS=keep",
                                 "CGINIT_COPY_LIMITS=never",
                                 "CGINIT_DELEGATE=pids",
                                 "CGINIT_ALLOW_HOST_CGROUP=1",
                                 "CGINIT_DROP_CAP=NET_RAW:MKNOD"};
    Options expected = with([](Options& o) {
        o.layout = Layout::unified;
        o.method = Method::bind;
        o.inner = Inner::never;
        o.delegate = WordOrControllers<Delegate>(Strings{"pids"});
        o.copy_limits = LimitCopies::never;
        o.allow_host_cgroup = true;
        o.drop_capabilities = {"cap_net_raw", "cap_mknod"};
        o.tmpfs.emplace();
        o.sys = Expected::keep;
        o.propagation = Expected::keep;
        o.ttys = Expected::keep;
        o.keep_mounts = {"/a", "/b"};
        o.log_level = LogLevel::debug;
    });
    EXPECT_EQ(options_of({}, environment), expected);
    expected.layout = Layout::host;
    expected.keep_mounts = {"/c"};
    expected.log_level = LogLevel::warning;
    EXPECT_EQ(options_of({"--layout=host", "--keep-mount=/c", "-q"}, environment), expected) << "the command line wins";
    EXPECT_EQ(options_of({}, {"CGINIT_LAYOUT=", "CGINIT_KEEP_MOUNT=", "LAYOUT=host"}), Options{});
    EXPECT_EQ(options_of({"--layout=host"}, {"CGINIT_LAYOUT=bad"}).layout, Layout::host);
    EXPECT_FALSE(options_of({}, {"CGINIT_ALLOW_HOST_CGROUP=0"}).allow_host_cgroup);
    EXPECT_EQ(error_of({}, {"CGINIT_ALLOW_HOST_CGROUP=yes"}), "CGINIT_ALLOW_HOST_CGROUP: 'yes' is not 1 or 0");
}

TEST(OptionsParser, UnknownVariablesAreWarnings) {
    const Options options =
        options_of({}, {"CGINIT_SERVICE_HOST=10.0.0.1", "A=CGINIT_X", "CGINIT_LAYOUT=host", "CGINIT_ROOT=/x"});
    EXPECT_EQ(options.warnings, Strings({"unknown environment variable CGINIT_SERVICE_HOST, ignoring",
                                         "unknown environment variable CGINIT_ROOT, ignoring"}));
    EXPECT_EQ(facts_from(options).root, "/");
}

TEST(OptionsParser, WrapperTakesNoOptions) {
    for (const char* name : {"/sbin/init", "init", "/lib/systemd/systemd"}) {
        const Options options = options_of({"--layout=host", "3", "--help", "--"}, {"CGINIT_LAYOUT=unified"}, name);
        const auto* wrapped = std::get_if<WrappedInit>(&options.init);
        ASSERT_NE(wrapped, nullptr);
        EXPECT_EQ(wrapped->arguments, Strings({"--layout=host", "3", "--help", "--"}));
        EXPECT_EQ(init_argv(options), Strings());
        EXPECT_EQ(options.layout, Layout::unified);
    }
    EXPECT_EQ(error_of({}, {"CGINIT_INNER=x"}, "init"), "CGINIT_INNER: 'x' is not auto or never");
}

TEST(OptionsParser, SaysWhatSetAnOption) {
    const Strings image{"CGINIT_INNER=never", "CGINIT_METHOD=remount", "CGINIT_LAYOUT=", "CGINIT_QUITE=new"};
    EXPECT_EQ(sources_of({"--method=bind", "-q"}, image),
              (std::map<std::string, std::string>{{"--inner", "CGINIT_INNER"},
                                                  {"--layout", "CGINIT_LAYOUT"},
                                                  {"--method", "command line"},
                                                  {"--quiet", "command line"}}));
}

/// An image's ENV and the operator's -e look the same from here.
TEST(OptionsParser, VariablesCanBeIgnored) {
    const Strings image{"CGINIT_INNER=never", "CGINIT_METHOD=x", "CGINIT_QUITE=new", "CGINIT_LOG_LEVEL=off"};
    EXPECT_EQ(options_of({"--ignore-variables", "--layout=host", "init"}, image), with([](Options& o) {
                  o.ignore_variables = true;
                  o.layout = Layout::host;
                  o.init = NamedInit{{"init"}};
              }));
    EXPECT_EQ(error_of({"--ignore-variables=1"}),
              "ignore-variables was given a disallowed flag override; see cginit --help");
    EXPECT_EQ(options_of({}, {"CGINIT_IGNORE_VARIABLES=1"}).ignore_variables, false) << "no variable is above others";
}

TEST(OptionsParser, Errors) {
    struct Case {
        Strings arguments;
        const char* error;
    };
    const char* layouts = "auto, host, unified, hybrid or legacy";
    for (
        const Case& c : {
            Case{{"--bogus"}, "unknown option --bogus; see cginit --help"},
            {{"--bogus=1", "init"}, "unknown option --bogus=1; see cginit --help"},
            {{"-x", "init"}, "unknown option -x; see cginit --help"},
            {{"-vx", "init"}, "unknown option -x; see cginit --help"},
            {{"---", "init"}, "unknown option ---; see cginit --help"},
            {{"--lay=host"}, "unknown option --lay=host; see cginit --help"},
            {{"--bogus", "--", "init"}, "unknown option --bogus; see cginit --help"},
            {{"--method=name_space"}, "--method: 'name_space' is not auto, namespace, bind, remount, userns or none"},
            {{"--method=nonsense"}, "--method: 'nonsense' is not auto, namespace, bind, remount, userns or none"},
            {{"--inner", "always"}, "--inner: 'always' is not auto or never"},
            {{"--drop-cap=SYS_ADMI"}, "--drop-cap: 'SYS_ADMI' is not a capability such as SYS_ADMIN"},
            {{"--drop-cap=21"}, "--drop-cap: '21' is not a capability such as SYS_ADMIN"},
            {{"--drop-cap=all"}, "--drop-cap: 'all' is not a capability such as SYS_ADMIN"},
            {{"--drop-cap=KILL,MKNOD"}, "--drop-cap: 'KILL,MKNOD' is not a capability such as SYS_ADMIN"},
            {{"--writable=,"}, "--writable: ',' is not all, tracking or a list such as memory,pids"},
            {{"--max-cgroups=15"}, "--max-cgroups: '15' is not a number of at least 16, or max"},
            {{"--max-cgroups=2147483648"}, "--max-cgroups: '2147483648' is not a number of at least 16, or max"},
            {{"--max-cgroups=-1"}, "--max-cgroups: '-1' is not a number of at least 16, or max"},
            {{"--max-depth=3"}, "--max-depth: '3' is not a number of at least 4, or max"},
            {{"--max-depth=MAX"}, "--max-depth: 'MAX' is not a number of at least 4, or max"},
            {{"--delegate=cpu,"}, "--delegate: 'cpu,' is not auto, all, none or a list such as cpu,memory"},
            {{"--delegate=+cpu"}, "--delegate: '+cpu' is not auto, all, none or a list such as cpu,memory"},
            {{"--delegate=cpu memory"}, "--delegate: 'cpu memory' is not auto, all, none or a list such as cpu,memory"},
            {{"--tmpfs=/var"},
             "--tmpfs: '/var' is not auto, never or a list of /run, /run/lock, /tmp and /var/log/journal"},
            {{"--tmpfs=/run,"},
             "--tmpfs: '/run,' is not auto, never or a list of /run, /run/lock, /tmp and /var/log/journal"},
            {{"--tmpfs=/run/"},
             "--tmpfs: '/run/' is not auto, never or a list of /run, /run/lock, /tmp and /var/log/journal"},
            {{"--tmpfs=auto,/run"},
             "--tmpfs: 'auto,/run' is not auto, never or a list of /run, /run/lock, /tmp and /var/log/journal"},
            {{"--sys=ro"}, "--sys: 'ro' is not auto or keep"},
            {{"--propagation=shared"}, "--propagation: 'shared' is not auto or keep"},
            {{"--ttys=never"}, "--ttys: 'never' is not auto or keep"},
            {{"--keep-mount=host/sys"}, "--keep-mount: 'host/sys' is not an absolute path"},
            {{"--keep-mount=[/a]", "x"}, "--keep-mount: '[/a]' is not an absolute path"},
            {{"--log-level=trace"}, "--log-level: 'trace' is not info, debug, warning, error or off"},
            {{"--inner", "-v"}, "--inner: '-v' is not auto or never"},
            {{"--inner"}, "--inner needs a value: auto or never"},
            {{"--inner=", "never"}, "--inner needs a value: auto or never"},
            {{"--root="}, "--root needs a value: a capture: its file, or a folder"},
            {{"-v", "--log-level=off"}, "--log-level and --verbose contradict each other; give one of them"},
            {{"-q", "-v"}, "--verbose and --quiet contradict each other; give one of them"},
            {{"--capture=x", "--dry-run"}, "--dry-run and --capture contradict each other; give one of them"},
            {{"--capture=x", "--root=y"},
             "--capture writes what the running system shows, and --root names a capture; leave one of them out"},
            {{"--capture", "report"},
             "--capture takes no word after it, as report; for a file write --capture=report, for an init --capture -- "
             "report"},
            {{"-v", "--capture", "-", "/sbin/init"},
             "--capture takes no word after it, as -; for a file write --capture=-, for an init --capture -- -"},
            {{"--capture="}, "--capture needs a value: a file"},
            {{"--root=x"}, "--root x is only read, nothing can be run there; add --dry-run or --explain"},
            {{"--init-traits=busybox", "--dry-run"},
             "--init-traits stands in for the init of a capture; give the capture with --root=FILE"},
        }) {
        EXPECT_EQ(error_of(c.arguments), c.error) << testing::PrintToString(c.arguments);
    }
    EXPECT_EQ(error_of({"--layout=v2"}), std::string("--layout: 'v2' is not ") + layouts);
    EXPECT_EQ(error_of({}, {"CGINIT_LAYOUT=v2"}), std::string("CGINIT_LAYOUT: 'v2' is not ") + layouts);
    EXPECT_EQ(error_of({}, {"CGINIT_KEEP_MOUNT=/a:b"}), "CGINIT_KEEP_MOUNT: 'b' is not an absolute path");
    EXPECT_EQ(error_of({"--root=x", "--dry-run", "--init-traits=systemd:x"}).substr(0, 40),
              "--init-traits: 'systemd:x' is not KIND[:");
    EXPECT_NE(error_of({"--dry-run=maybe"}), "no error");
    EXPECT_NE(error_of({"--dry-run=false"}), "no error");
}

TEST(OptionsParser, HelpAndVersion) {
    for (const Strings& arguments : {Strings{"--help"}, Strings{"-h"}, Strings{"--layout=bad", "--help", "init"}}) {
        const Result<ParseOutcome> outcome = parse(arguments, {"CGINIT_LAYOUT=bad"});
        ASSERT_TRUE(outcome);
        EXPECT_FALSE(outcome->options);
        EXPECT_EQ(outcome->text, help_text());
        EXPECT_EQ(outcome->exit_status, 0);
    }
    const Result<ParseOutcome> version = parse({"--version"});
    ASSERT_TRUE(version);
    EXPECT_EQ(version->text.substr(0, 7), "cginit ");
    EXPECT_EQ(version->text.back(), '\n');
}

TEST(OptionsParser, HelpNamesEverySetting) {
    const std::string help = help_text();
    for (const Setting& setting : settings()) {
        const std::string option = setting.option;
        EXPECT_NE(help.find("  " + option.substr(0, option.find(','))), std::string::npos) << option;
        if (setting.variable != nullptr) {
            EXPECT_NE(help.find(setting.variable), std::string::npos) << setting.variable;
        }
    }
    for (const char* status : {"125", "126", "127"}) {
        EXPECT_NE(help.find(status), std::string::npos) << status;
    }
}

TEST(OptionsParser, HelpHasEachHeadingOnce) {
    const std::string help = help_text();
    for (const Setting& setting : settings()) {
        const std::string heading = std::string("\n") + setting.group + ":\n";
        EXPECT_NE(help.find(heading), std::string::npos) << heading;
        EXPECT_EQ(help.find(heading), help.rfind(heading)) << heading;
    }
}

TEST(OptionsParser, HelpFitsATerminal) {
    constexpr std::size_t kColumns = 80;
    for (const std::string& line : split(help_text(), '\n')) {
        EXPECT_LE(line.size(), kColumns) << line;
    }
}

TEST(OptionsParser, FirstValueOfEachOptionIsItsDefault) {
    for (const Setting& setting : settings()) {
        const std::string values = setting.values != nullptr ? setting.values : "";
        if (values.find('|') != std::string::npos) {
            Draft options;
            EXPECT_TRUE(setting.apply(options, values.substr(0, values.find('|')))) << setting.option;
            options.action = BecomeInit{};  // one that need not have a value does something by itself
            EXPECT_EQ(static_cast<const Options&>(options), Options{}) << setting.option;
        }
    }
}

}  // namespace
}  // namespace cginit
