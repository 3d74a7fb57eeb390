#include <algorithm>
#include <cstdint>

#include "cginit/version.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "decide/systemd_layouts.hpp"
#include "report/explanation.hpp"
#include "report/plan_text.hpp"
#include "report/text.hpp"

namespace cginit {
namespace {

constexpr std::size_t kLabel = 18;

/// `  kernel          6.1.0-13-amd64`
std::string row(const char* label, const std::string& value) {
    return line_of({padded(concat({"  ", label}), kLabel), value});
}

std::string painted(const std::string& text, const char* colour, const TextStyle& style) {
    return style.colour ? concat({"\033[", colour, "m", text, "\033[0m"}) : text;
}

constexpr const char* kBold = "1";
constexpr const char* kRed = "1;31";
constexpr const char* kGreen = "1;32";

std::string verdict_text(const Explanation& explanation, const TextStyle& style) {
    if (explanation.missing.empty()) {
        const bool sure = explanation.trial.tried || explanation.plan.steps.empty();
        return concat(
            {painted(sure ? "The init would get its view." : "As far as the facts tell, the init would get its view.",
                     kGreen, style),
             "\n\nthe init will get\n",
             line_of({"  ", summary_line(explanation.prospect.world, *explanation.prospect.decision, {})})});
    }
    const std::size_t count = explanation.missing.size();
    return concat(
        {painted("The init would NOT get its view.", kRed, style), "\n\n",
         count == 1 ? std::string("missing") : concat({"missing (", std::to_string(count), ", in this order)"}), "\n"});
}

std::string ground_text(Ground ground) {
    switch (ground) {
        case Ground::facts: return {};
        case Ground::rules: return " (very likely; only trying tells)";
        case Ground::trial: return " (tried)";
    }
    return {};
}

/// `     docker      --cap-add SYS_ADMIN`, the lines of a command below one another; `  or ` before what will do as well.
std::string remedy_text(const Remedy& remedy, bool other) {
    std::string text;
    std::string start = other ? "  or " : "     ";
    if (remedy.where.empty()) {
        return line_of({start, remedy.setting});
    }
    std::string label = remedy.where;
    for (const std::string& line : split(remedy.setting, '\n')) {
        text += line_of({start, padded(label, 12), line});
        label.clear();
        start = "     ";
    }
    return text;
}

std::string finding_text(std::size_t number, const Finding& finding, const TextStyle& style) {
    std::string text = concat({"  ", std::to_string(number), ". ", painted(to_string(finding.error.code), kBold, style),
                               "  ", escaped(finding.error.problem()), ground_text(finding.ground), "\n"});
    int alternative = 1;
    for (const Remedy& remedy : finding.remedies) {
        text += remedy_text(remedy, remedy.alternative != alternative && remedy.alternative != 1);
        alternative = remedy.alternative;
    }
    return text;
}

/// `0 100000 65536`: ids inside, outside, how many.
std::string user_namespace_text(const Explanation& explanation) {
    if (explanation.world.initial_user_namespace) {
        return "the host's";
    }
    std::vector<std::string> ranges;
    for (const std::string& line : split(explanation.snapshot.uid_map, '\n')) {
        const std::vector<std::string> words = words_of(line);
        if (words.size() == 3) {
            ranges.push_back(concat({words[0], " is ", words[1], " outside (", words[2], ")"}));
        }
    }
    return concat({"its own: ", join(ranges, ", ")});
}

/// Whether this process may make a user namespace.
std::string another_namespace_text(const World& world) {
    switch (world.user_namespaces.possible) {
        case Tri::yes: return "may be made (tried)";
        case Tri::no: return concat({"may not be made (tried): ", errno_text(world.user_namespaces.errnum)});
        case Tri::unknown: break;
    }
    return "not tried";
}

/// One line, whatever the container has: all of them, what engines give by default, or their names.
std::string capabilities_text(std::uint64_t mask, const std::vector<std::string>& names) {
    // Docker's and containerd's default, and Podman's since 4.0: oci/caps/defaults.go, containers/common.
    constexpr std::uint64_t kDefaults[] = {0xa80425fb, 0x800405fb};
    constexpr std::uint64_t kSysAdmin = 1ULL << 21U;
    // As many as Linux 3.16 had, or more: one behind the other.
    constexpr std::uint64_t kFewest = (1ULL << 37U) - 1;
    if (mask >= kFewest && (mask & (mask + 1)) == 0) {
        return "all";
    }
    for (const std::uint64_t usual : kDefaults) {
        if (mask == usual || mask == (usual | kSysAdmin)) {
            return mask == usual ? "the engine's default" : "the engine's default and SYS_ADMIN";
        }
    }
    std::vector<std::string> bare;
    bare.reserve(names.size());
    for (const std::string& name : names) {
        bare.push_back(name.starts_with("cap_") ? name.substr(4) : name);
    }
    return bare.empty() ? "none" : join(bare, " ");
}

const char* runtime_evidence(Runtime runtime) {
    switch (runtime) {
        case Runtime::gvisor: return ", by its root file system";
        case Runtime::sysbox: return ", by its sysboxfs";
        case Runtime::runc:
        case Runtime::crun: return ", by how it made /sys read-only";
        case Runtime::unknown: break;
    }
    return "";
}

std::string who_text(const Explanation& explanation) {
    const Snapshot& snapshot = explanation.snapshot;
    const World& world = explanation.world;
    const std::string uid = snapshot.status.uid ? std::to_string(*snapshot.status.uid) : "unknown";
    std::string text = "\nwho runs us\n";
    text += row("engine", concat({to_string(world.engine), ", container ",
                                  world.container_id.empty() ? "unknown" : world.container_id.substr(0, 12)}));
    if (!world.place_evidence.empty() && std::string(to_string(world.place)) != to_string(world.engine)) {
        text += row("place", concat({to_string(world.place), ", by ", world.place_evidence}));
    }
    text += row("runtime", concat({to_string(world.runtime), runtime_evidence(world.runtime)}));
    if (world.host != Host::unknown) {
        text += row("host", concat({to_string(world.host), ", by ", world.host_evidence}));
    }
    text += row("kernel", snapshot.kernel_release.value_or("unknown"));
    text += row("process", concat({world.is_pid1 ? "PID 1" : "not PID 1", ", uid ", uid}));
    text += row("user namespace", user_namespace_text(explanation));
    text += row("another one", another_namespace_text(world));
    text += row("capabilities", capabilities_text(snapshot.status.effective_capabilities, explanation.capabilities));
    text += row("LSM label", world.security_label.empty() ? "none" : world.security_label);
    text += row("seccomp filter", to_string(world.seccomp_filter));
    text += row("no new privs", to_string(snapshot.status.no_new_privileges));
    text += row("cgroup ns", world.namespaced == Tri::yes  ? "private"
                             : world.namespaced == Tri::no ? "the host's"
                                                           : "private or the host's");
    text +=
        row("host's cgroups",
            concat({to_string(world.view), world.view_in_sight ? ", as far as visible" : ", by /proc/self/cgroup"}));
    return text;
}

std::string shows(const Hierarchy& hierarchy, const HierarchyMount& mount) {
    if (shows_more(hierarchy, mount) == Tri::yes) {
        return mount.exposure == Exposure::foreign ? "outside" : "host";
    }
    return mount.exposure == Exposure::below ? "below" : "private";
}

/// `cpu,cpuacct       rw private  /sys/fs/cgroup/cpu,cpuacct`
std::string mount_row(const std::string& name, const Hierarchy& hierarchy, const HierarchyMount& mount,
                      std::size_t width) {
    const char* mode = mount.entry.flags.read_only ? "ro" : "rw";
    return concat({"  ", padded(name, width), " ", mode, " ", padded(shows(hierarchy, mount), 8), " ",
                   escaped(mount.entry.point), mount.visible ? "" : (mount.sealed ? " (sealed)" : " (covered)"), "\n"});
}

std::string hierarchies_text(const World& world, const TextStyle& style) {
    constexpr std::size_t kName = 18;
    std::string text = "\nhierarchies\n";
    for (const Hierarchy& hierarchy : world.hierarchies) {
        const std::string name = shortened(escaped(hierarchy_name(hierarchy)), kName, style);
        if (hierarchy.mounts.empty()) {
            text += concat({"  ", padded(name, kName), " not mounted\n"});
        }
        for (const HierarchyMount& mount : hierarchy.mounts) {
            text += mount_row(&mount == &hierarchy.mounts.front() ? name : std::string(), hierarchy, mount, kName);
        }
        const std::string root = hierarchy.real_root == Tri::yes ? " (the host's root)" : "";
        text += concat(
            {std::string(kName + 3, ' '),
             shortened(concat({"own cgroup ", escaped(hierarchy.own_path), root}), style.width - kName - 3, style),
             "\n"});
    }
    return text;
}

std::string init_text(const World& world) {
    std::vector<std::string> names;
    for (const View view : compatible_layouts(world.init)) {
        names.emplace_back(to_string(view));
    }
    std::string text = "\ninit\n";
    text += row("is",
                world.init.path.empty() ? describe(world.init) : concat({describe(world.init), ", ", world.init.path}));
    text += row("can live with", join(names, ", "));
    return text;
}

std::string trial_text(const Explanation& explanation) {
    if (!explanation.prospect.decision) {
        return {};
    }
    const Trial& trial = explanation.trial;
    return "\ntried\n" +
           line_of({"  ", trial.tried ? "the first steps of the plan, in a mount namespace of their own that is "
                                        "gone again"
                                      : concat({"nothing: ", trial.why_not})});
}

std::string steps_text(const Plan& plan) {
    if (plan.steps.empty()) {
        return "  nothing to do\n";
    }
    std::string text;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const std::string digits = std::to_string(i + 1);
        text += line_of(
            {std::string(digits.size() < 3 ? 3 - digits.size() : 0, ' '), digits, ". ", describe(plan.steps[i].op)});
    }
    return text;
}

std::string plan_section(const Explanation& explanation, const TextStyle& style) {
    if (!explanation.prospect.decision) {
        return concat({"\n", mount_picture(explanation.world, style)});
    }
    const Prospect& prospect = explanation.prospect;
    const bool imagined = !prospect.missing.empty();
    return concat({"\n", decision_text(*prospect.decision), "\n",
                   mount_picture(prospect.world, *prospect.decision, explanation.plan, style),
                   imagined ? "\nplan, with that mended\n" : "\nplan\n", steps_text(explanation.plan)});
}

}  // namespace

std::string explanation_text(const Explanation& explanation, const TextStyle& style) {
    std::string text = verdict_text(explanation, style);
    for (std::size_t i = 0; i < explanation.missing.size(); ++i) {
        text += finding_text(i + 1, explanation.missing[i], style);
    }
    if (!explanation.has_facts) {
        return wrapped(text, style.width);
    }
    if (!explanation.notes.empty()) {
        text += "\nwhatever the init gets\n";
    }
    for (std::size_t i = 0; i < explanation.notes.size(); ++i) {
        text += finding_text(i + 1, explanation.notes[i], style);
    }
    text += concat({who_text(explanation), hierarchies_text(explanation.world, style), init_text(explanation.world),
                    trial_text(explanation), plan_section(explanation, style)});
    return wrapped(text, style.width);
}

}  // namespace cginit
