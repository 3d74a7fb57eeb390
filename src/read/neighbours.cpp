#include "read/gather.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

constexpr unsigned kCapSysPtrace = 19;

/// One process as /proc/PID/stat has it.
struct Process {
    int pid = 0;
    int parent = 0;  ///< 0: outside of the PID namespace
    std::uint64_t start = 0;
    std::string name;
    bool ended = false;  ///< a zombie has no mounts
};

/// `17 (a name) S 1 17 17 0 -1 ...`: the name may hold blanks and parentheses; the 22nd field is the time at which it was
/// started, in ticks since the machine was.
std::optional<Process> parse_stat(const std::string& text) {
    constexpr std::size_t kStart = 19;
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close < open) {
        return std::nullopt;
    }
    const std::vector<std::string> fields = split(trim(std::string_view(text).substr(close + 1)), ' ');
    const auto pid = parse_number(trim(std::string_view(text).substr(0, open)));
    const auto parent = fields.size() > kStart ? parse_number(fields[1]) : std::nullopt;
    const auto start = fields.size() > kStart ? parse_number(fields[kStart]) : std::nullopt;
    if (!pid || !parent || !start) {
        return std::nullopt;
    }
    return Process{static_cast<int>(*pid), static_cast<int>(*parent), *start, text.substr(open + 1, close - open - 1),
                   fields[0] == "Z" || fields[0] == "X"};
}

/// The id of the first mount in a process's table; empty if that cannot be read.
std::optional<int> first_mount_of(const Source& source, int pid) {
    constexpr std::size_t kEnough = 64;
    const Result<std::string> head = source.read_head(join_path(process_directory(pid), "mountinfo"), kEnough);
    const auto id = head ? parse_number(std::string_view(*head).substr(0, head->find(' '))) : std::nullopt;
    return id ? std::optional<int>(static_cast<int>(*id)) : std::nullopt;
}

bool has_mount(const MountTable& mounts, int id) {
    return std::any_of(mounts.begin(), mounts.end(), [id](const MountEntry& mount) { return mount.id == id; });
}

/// Who may not trace a process is not told its namespaces, proc(5), but its mounts.
Tri has_own_mounts(const Source& source, const MountTable& mounts, int pid) {
    const auto own = source.peek_link("/proc/self/ns/mnt");
    const auto other = source.peek_link(join_path(process_directory(pid), "ns/mnt"));
    if (own && other) {
        return *own == *other ? Tri::yes : Tri::no;
    }
    const std::optional<int> first = first_mount_of(source, pid);
    return !first ? Tri::unknown : (has_mount(mounts, *first) ? Tri::yes : Tri::no);
}

/// `rw,hidepid=invisible`, before Linux 5.8 `hidepid=2`: only who may trace a process sees it.
bool hides_processes(const Snapshot& snapshot) {
    const MountEntry* proc = visible_mount_at(snapshot.mounts, "/proc");
    const std::vector<std::string> options = split(proc == nullptr ? "" : proc->super_options, ',');
    return !is_set(snapshot.status.effective_capabilities, kCapSysPtrace) &&
           std::any_of(options.begin(), options.end(), [](const std::string& option) {
               return option.starts_with("hidepid=") && option != "hidepid=0" && option != "hidepid=off";
           });
}

/// All processes of the own mount namespace.
std::map<int, Process> processes_here(const Source& source, const Snapshot& snapshot, int self) {
    std::map<int, Process> found;
    for (const std::string& name : source.list("/proc")) {
        const auto number = parse_number(name);
        const int pid = number ? static_cast<int>(*number) : 0;
        if (pid == 0) {
            continue;
        }
        constexpr std::size_t kEnough = 1024;
        const Result<std::string> stat = source.read_head(join_path(process_directory(pid), "stat"), kEnough);
        std::optional<Process> process = stat ? parse_stat(*stat) : std::nullopt;
        // One that has gone meanwhile is nobody's neighbour; of what is there, unknown counts as here.
        if (process && !process->ended && (pid == self || has_own_mounts(source, snapshot.mounts, pid) != Tri::no)) {
            found.emplace(pid, std::move(*process));
        }
    }
    return found;
}

/// The process and its ancestors in the own mount namespace, up to the one that came from outside.
std::vector<const Process*> line_of(const std::map<int, Process>& processes, int pid) {
    std::vector<const Process*> line;
    std::set<int> passed;
    for (auto found = processes.find(pid); found != processes.end() && passed.insert(found->first).second;
         found = processes.find(found->second.parent)) {
        line.push_back(&found->second);
    }
    return line;
}

bool is_before(const Process& one, const Process& other) {
    return one.start != other.start ? one.start < other.start : one.pid < other.pid;
}

}  // namespace

Tri pid1_has_own_mounts(const Source& source, const MountTable& mounts) { return has_own_mounts(source, mounts, 1); }

NeighbourFacts find_neighbours(const Source& source, const Snapshot& snapshot, int pid) {
    if (hides_processes(snapshot) || !source.exists("/proc/1")) {
        return {Neighbours::hidden, {}};
    }
    const std::map<int, Process> processes = processes_here(source, snapshot, pid);
    const std::vector<const Process*> own = line_of(processes, pid);
    if (own.empty()) {
        return {Neighbours::hidden, {}};
    }
    for (const auto& [number, process] : processes) {
        const Process* first = line_of(processes, number).back();
        const bool ancestor = std::find(own.begin(), own.end(), &process) != own.end();
        const bool entered_later = first != own.back() && is_before(*own.back(), *first);
        if (!ancestor && !entered_later) {
            return {Neighbours::some, concat({std::to_string(number), " (", process.name, ")"})};
        }
    }
    return {Neighbours::none, {}};
}

}  // namespace cginit
