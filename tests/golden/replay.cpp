#include "golden/replay.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>

#include "cginit/capture_facts.hpp"
#include "core/text.hpp"
#include "read/gather.hpp"
#include "report/plan_text.hpp"

namespace cginit {
namespace {

const std::string kCaptures = std::string(CGINIT_SOURCE_DIR) + "/tests/captures";

std::string joined(const std::vector<std::string>& words, const char* none) {
    return words.empty() ? std::string(none) : join(words, ", ");
}

/// Whether an init may run on what the engine shows, when cginit cannot do better.
std::string on_failure_text(World world, const InitTraits& init) {
    Options options;
    options.on_failure = OnFailure::proceed;
    world.init = init;
    const Measure go_on = choose_on_failure(world, options);
    return concat({"on failure, ", describe(init), ": ", go_on.taken ? "continue: " : "exit: ", go_on.reason, "\n"});
}

std::string mount_text(const HierarchyMount& mount) {
    std::vector<std::string> words = {to_string(mount.exposure), mount.entry.flags.read_only ? "ro" : "rw"};
    for (const auto& [holds, word] : {std::pair{mount.visible, "visible"},
                                      {!mount.visible && mount.reachable, "covered"},
                                      {!mount.reachable, "hidden"},
                                      {!mount.in_view, "elsewhere"},
                                      {mount.ours, "ours"},
                                      {mount.entry.propagation.shared != 0, "shared"},
                                      {mount.entry.propagation.master != 0, "slave"}}) {
        if (holds) {
            words.emplace_back(word);
        }
    }
    return concat({"    ", mount.entry.point, " (root ", mount.entry.root, "): ", join(words, ", "), "\n"});
}

}  // namespace

std::vector<std::string> captures() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(kCaptures)) {
        if (entry.path().extension() == ".txt") {
            names.push_back(entry.path().stem().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

Source open_capture(const std::string& name) {
    Result<Source> source = Source::open(kCaptures + "/" + name + ".txt");
    if (!source) {
        throw std::runtime_error(source.error().message());
    }
    return std::move(*source);
}

Replay replay(const Case& which) {
    Result<Snapshot> snapshot = gather(open_capture(which.capture), std::nullopt, which.variant.init);
    if (!snapshot) {
        throw std::runtime_error(snapshot.error().message());
    }
    if (which.variant.change != nullptr) {
        which.variant.change(*snapshot);
    }
    return replay(std::move(*snapshot), which.variant.options);
}

Replay replay(Snapshot snapshot, const Options& options) {
    Replay result;
    result.snapshot = std::move(snapshot);
    result.world = classify(result.snapshot);
    const Result<Decision> decision = decide(result.world, options);
    if (!decision) {
        result.text = concat({"error: ", decision.error().line(), "\n"});
        return result;
    }
    result.decision = *decision;
    result.plan = make_plan(result.world, *decision);
    result.text = plan_text(result.world, *decision, result.plan);
    return result;
}

std::string world_text(const World& world) {
    std::string text = concat({"engine ", to_string(world.engine), ", container ",
                               world.container_id.empty() ? "unknown" : world.container_id, "\n"});
    text += concat({"view ", to_string(world.view), "\n"});
    text += concat(
        {"cgroup namespaces ", to_string(world.cgroup_namespaces), ", private ", to_string(world.namespaced), "\n"});
    text += concat({"CAP_SYS_ADMIN ", world.has_sys_admin ? "yes" : "no", ", initial user namespace ",
                    world.initial_user_namespace ? "yes" : "no", ", seccomp filter ", to_string(world.seccomp_filter),
                    ", security label ", world.security_label.empty() ? "none" : world.security_label, "\n"});
    for (const Hierarchy& hierarchy : world.hierarchies) {
        text += concat({joined(hierarchy.controllers, "unified"), ": ", hierarchy.own_path, "\n  real root ",
                        to_string(hierarchy.real_root)});
        const auto& names = hierarchy.controllers;
        if (std::find(names.begin(), names.end(), "memory") != names.end()) {
            text += concat({", hierarchical memory ", to_string(hierarchy.memory_hierarchical)});
        }
        text += hierarchy.mounts.empty() ? ", not mounted\n" : "\n";
        for (const HierarchyMount& mount : hierarchy.mounts) {
            text += mount_text(mount);
        }
    }
    text += on_failure_text(world, {InitKind::systemd, 252, ""});
    text += on_failure_text(world, {InitKind::busybox, std::nullopt, ""});
    return text;
}

std::string test_name(const std::string& name) {
    std::string made = name;
    std::replace_if(
        made.begin(), made.end(), [](char c) { return c == '-' || c == '.'; }, '_');
    return made;
}

}  // namespace cginit
