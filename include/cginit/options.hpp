#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cginit/init_traits.hpp"

namespace cginit {

/// `--layout`: the hierarchy that the init gets to see. `automatic` = the host's, unless this init cannot boot on it.
enum class Layout { automatic, host, unified, hybrid, legacy };
/// `--method`: how the view becomes private and writable. `userns` = by the capabilities that a user namespace gives.
enum class Method { automatic, name_space, bind, remount, userns, none };
/// `--inner`: one cgroup level between the engine's limits and the init. `automatic` = wherever it guards.
enum class Inner { automatic, never };
/// `--writable`: which controllers the init may set. `tracking` = none, only what systemd needs to track processes.
enum class Writable { all, tracking };
/// `--delegate`: whether the root of the init's v2 cgroup is left to a leaf and its controllers enabled, for inits that
/// do not do that themselves. `automatic` = for everything but systemd.
enum class Delegate { automatic, all, none };
/// `--copy-limits`: whether the inner cgroup gets a copy of the engine's limits, for programs to read.
enum class LimitCopies { automatic, never };
/// `--sys`, `--propagation`, `--ttys`: what systemd expects of a container manager; `keep` = as the engine left it.
enum class Expected { automatic, keep };
/// `--on-failure`: what becomes of the init when its view cannot be had and the engine's is as it was before.
enum class OnFailure { exit, proceed };
enum class ExplainAs { text, json };
enum class LogLevel { debug, info, warning, error, off };

/// `--max-cgroups`, `--max-depth`: what no real use reaches (docs/limits.md has the figures).
inline constexpr std::uint64_t kMaxCgroups = 4096;
inline constexpr std::uint64_t kMaxDepth = 15;
/// The warning where nothing keeps the init from making as many cgroups as the machine has memory and ids for.
inline constexpr const char* kUnlimitedCgroups = "nothing limits how many cgroups the init can make";
/// What cginit itself and the smallest init need.
inline constexpr std::uint64_t kLeastCgroups = 16;
inline constexpr std::uint64_t kLeastDepth = 4;

/// Where `--tmpfs` can mount one, in the order in which they are decided: a point comes after those that hold it.
inline constexpr std::array<const char*, 4> kTmpfsPoints{"/run", "/run/lock", "/tmp", "/var/log/journal"};
/// Where the journal goes that outlives a boot.
inline constexpr const char* kJournal = kTmpfsPoints.back();

/// One of an option's words, or the controllers of a list, in the user's order and at least one: never both.
template <class Word>
class WordOrControllers {
public:
    WordOrControllers(Word word) : choice_(word) {}  // NOLINT(google-explicit-constructor)
    explicit WordOrControllers(std::vector<std::string> controllers) : choice_(std::move(controllers)) {}
    bool operator==(const WordOrControllers&) const = default;

    [[nodiscard]] bool is_list() const { return choice_.index() == 1; }
    /// None where it is a word.
    [[nodiscard]] std::vector<std::string> controllers() const {
        return is_list() ? std::get<1>(choice_) : std::vector<std::string>();
    }
    /// As the user wrote it.
    [[nodiscard]] std::string text() const;

private:
    std::variant<Word, std::vector<std::string>> choice_;
};

/// Where the facts are read: "/" is the running system. With `--root` it is a capture, of which `--init-traits` can say what it does
/// not hold.
struct FactsFrom {
    std::string root = "/";
    std::optional<InitTraits> init_traits = {};
    bool operator==(const FactsFrom&) const = default;
};

// What is to be done. All but the first change nothing.

/// Build the view and become the init.
struct BecomeInit {
    bool operator==(const BecomeInit&) const = default;
};
/// `--dry-run`: print the plan.
struct PrintPlan {
    FactsFrom from = {};
    bool operator==(const PrintPlan&) const = default;
};
/// `--explain`: say what is missing.
struct Explain {
    ExplainAs as = ExplainAs::text;
    FactsFrom from = {};
    bool operator==(const Explain&) const = default;
};
/// `--capture`: write the facts of the running system.
struct WriteCapture {
    std::string file = {};  ///< empty = standard output
    bool operator==(const WriteCapture&) const = default;
};
using Action = std::variant<BecomeInit, PrintPlan, Explain, WriteCapture>;

/// INIT and its ARGS as the user wrote them; empty = look for a real init.
struct NamedInit {
    std::vector<std::string> argv = {};
    bool operator==(const NamedInit&) const = default;
};
/// Called under another name (is_own_name()): the wrapper installed over an init. All arguments are the real init's, which gets the
/// wrapper's own argv[0].
struct WrappedInit {
    std::vector<std::string> arguments = {};
    bool operator==(const WrappedInit&) const = default;
};

/// What the user asked for, after the command line was laid over the environment. Plain values: no policy.
struct Options {
    Layout layout = Layout::automatic;
    Method method = Method::automatic;
    Inner inner = Inner::automatic;
    WordOrControllers<Writable> writable = Writable::all;
    WordOrControllers<Delegate> delegate = Delegate::automatic;
    /// No value: as the engine left it (`max`).
    std::optional<std::uint64_t> max_cgroups = kMaxCgroups;
    std::optional<std::uint64_t> max_depth = kMaxDepth;
    LimitCopies copy_limits = LimitCopies::automatic;
    /// `--allow-host-cgroup`: a cgroup may be made at the host's root, where it outlives the container.
    bool allow_host_cgroup = false;
    OnFailure on_failure = OnFailure::exit;
    /// `--tmpfs`: the points of kTmpfsPoints asked for; empty list = never, no list = auto.
    std::optional<std::vector<std::string>> tmpfs;
    Expected sys = Expected::automatic;
    Expected propagation = Expected::automatic;
    Expected ttys = Expected::automatic;
    /// `--drop-cap CAP`: dropped from every set of the init, as libcap names them: `cap_sys_admin`.
    std::vector<std::string> drop_capabilities;
    /// `--keep-mount PATH`: cgroup mounts at or below it stay as they are.
    std::vector<std::string> keep_mounts;
    /// `--ignore-variables`: CGINIT_ variables set nothing, whoever wrote them.
    bool ignore_variables = false;
    Action action = BecomeInit{};
    LogLevel log_level = LogLevel::info;
    std::variant<NamedInit, WrappedInit> init = NamedInit{};
    /// What set an option, by its name (`--inner`): `command line`, or the variable's name. Unset ones have none.
    std::map<std::string, std::string> sources;
    /// Warnings found on the way (unknown CGINIT_ variables), each a full sentence part ending in ", ignoring".
    std::vector<std::string> warnings;

    bool operator==(const Options&) const = default;
};

[[nodiscard]] const FactsFrom& facts_from(const Options& options);
/// The names and arguments after the options; none for a wrapper.
[[nodiscard]] std::vector<std::string> init_argv(const Options& options);

[[nodiscard]] const char* to_string(Layout layout);
[[nodiscard]] const char* to_string(Method method);
[[nodiscard]] const char* to_string(Inner inner);
[[nodiscard]] const char* to_string(Writable writable);
[[nodiscard]] const char* to_string(Delegate delegate);
[[nodiscard]] const char* to_string(LimitCopies copies);
[[nodiscard]] const char* to_string(Expected expected);
[[nodiscard]] const char* to_string(OnFailure on_failure);

}  // namespace cginit
