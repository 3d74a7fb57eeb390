#include <nlohmann/json.hpp>

#include "cginit/version.hpp"
#include "decide/systemd_layouts.hpp"
#include "report/explanation.hpp"

namespace cginit {
namespace {

// In the order in which they are written here: same input, same bytes.
using Json = nlohmann::ordered_json;

/// Of docs/explain.schema.json: one more when something is taken away or changes its meaning.
constexpr int kSchemaVersion = 1;

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json json_of(const Finding& finding) {
    Json remedies = Json::array();
    for (const Remedy& remedy : finding.remedies) {
        if (!remedy.where.empty()) {
            remedies.push_back(
                {{"where", remedy.where}, {"setting", remedy.setting}, {"alternative", remedy.alternative}});
        }
    }
    return {{"code", to_string(finding.error.code)},
            {"problem", finding.error.problem()},
            {"cure", or_null(text_of(finding.error.cures))},
            {"ground", to_string(finding.ground)},
            {"remedies", std::move(remedies)}};
}

Json facts_of(const Explanation& explanation) {
    const Snapshot& snapshot = explanation.snapshot;
    const World& world = explanation.world;
    return {{"engine", to_string(world.engine)},
            {"place", to_string(world.place)},
            {"host", to_string(world.host)},
            {"container_id", or_null(world.container_id)},
            {"runtime", to_string(world.runtime)},
            {"kernel", or_null(snapshot.kernel_release)},
            {"pid1", world.is_pid1},
            {"uid", or_null(snapshot.status.uid)},
            {"initial_user_namespace", world.initial_user_namespace},
            {"uid_map", snapshot.uid_map},
            {"gid_map", snapshot.gid_map},
            {"user_namespaces", to_string(world.user_namespaces.possible)},
            {"capabilities", explanation.capabilities},
            {"security_label", or_null(world.security_label)},
            {"seccomp_filter", to_string(world.seccomp_filter)},
            {"no_new_privileges", to_string(snapshot.status.no_new_privileges)},
            {"cgroup_namespaces", to_string(world.cgroup_namespaces)},
            {"cgroup_namespace_private", to_string(world.namespaced)},
            {"view", to_string(world.view)},
            {"view_in_sight", world.view_in_sight}};
}

Json json_of(const Hierarchy& hierarchy) {
    Json mounts = Json::array();
    for (const HierarchyMount& mount : hierarchy.mounts) {
        mounts.push_back({{"point", mount.entry.point},
                          {"root", mount.entry.root},
                          {"read_only", mount.entry.flags.read_only},
                          {"exposure", to_string(mount.exposure)},
                          {"visible", mount.visible},
                          {"sealed", mount.sealed},
                          {"in_view", mount.in_view},
                          {"cginit", mount.ours}});
    }
    return {
        {"name", hierarchy_name(hierarchy)},           {"version", hierarchy.version == HierarchyVersion::v2 ? 2 : 1},
        {"controllers", hierarchy.controllers},        {"own_cgroup", hierarchy.own_path},
        {"real_root", to_string(hierarchy.real_root)}, {"delegated", to_string(hierarchy.delegated)},
        {"owned", to_string(hierarchy.owned)},         {"mounts", std::move(mounts)}};
}

Json json_of(const InitTraits& init) {
    Json layouts = Json::array();
    for (const View view : compatible_layouts(init)) {
        layouts.push_back(to_string(view));
    }
    return {{"kind", to_string(init.kind)},
            {"version", or_null(init.version)},
            {"path", or_null(init.path)},
            {"layouts", std::move(layouts)}};
}

Json json_of(const Measure& measure) { return {{"taken", measure.taken}, {"reason", measure.reason}}; }

Json json_of(const HierarchyDecision& choice) {
    return {{"name", choice.name},
            {"access", to_string(choice.access)},
            {"inner", choice.inner},
            {"engine_cgroup", choice.engine_cgroup},
            {"init_cgroup", choice.init_cgroup},
            {"reason", choice.reason}};
}

Json json_of(const Decision& decision) {
    Json hierarchies = Json::array();
    for (const HierarchyDecision& choice : decision.hierarchies) {
        hierarchies.push_back(json_of(choice));
    }
    Json tmpfs = Json::array();
    for (const TmpfsDecision& point : decision.tmpfs) {
        Json one = json_of(point.measure);
        one["point"] = point.point;
        tmpfs.push_back(std::move(one));
    }
    return {{"layout", {{"value", to_string(decision.layout)}, {"reason", decision.layout_reason}}},
            {"method", {{"value", to_string(method_of(decision))}, {"reason", decision.method_reason}}},
            {"delegate",
             {{"wanted", decision.delegation.wanted},
              {"controllers", decision.delegation.controllers},
              {"reason", decision.delegation.reason}}},
            {"continue_on_failure", json_of(decision.go_on)},
            {"hierarchies", std::move(hierarchies)},
            {"tmpfs", std::move(tmpfs)},
            {"sys_read_only", json_of(decision.sys_read_only)},
            {"share_mounts", json_of(decision.share_tree)},
            {"hide_ttys", json_of(decision.hide_ttys)},
            {"drop_capabilities", decision.drop_capabilities},
            {"kept_mounts", decision.kept_elsewhere},
            {"detached_mounts", decision.detach_elsewhere},
            {"warnings", decision.warnings}};
}

Json json_of(const Step& step) {
    return {{"phase", to_string(step.phase)},
            {"op", describe(step.op)},
            {"why", step.why},
            {"scope", to_string(step.scope)},
            {"undo", step.undo ? Json(describe(*step.undo)) : Json(nullptr)}};
}

template <class List>
Json list_of(const List& list) {
    Json array = Json::array();
    for (const auto& element : list) {
        array.push_back(json_of(element));
    }
    return array;
}

}  // namespace

std::string explanation_json(const Explanation& explanation) {
    const std::optional<Decision>& decision = explanation.prospect.decision;
    const Json whole{{"schema", kSchemaVersion},
                     {"cginit", kVersion},
                     {"works", explanation.missing.empty()},
                     {"missing", list_of(explanation.missing)},
                     {"notes", list_of(explanation.notes)},
                     {"trial", {{"tried", explanation.trial.tried}, {"why_not", or_null(explanation.trial.why_not)}}},
                     {"facts", explanation.has_facts ? facts_of(explanation) : Json(nullptr)},
                     {"hierarchies", list_of(explanation.world.hierarchies)},
                     {"init", json_of(explanation.world.init)},
                     {"decision", decision ? json_of(*decision) : Json(nullptr)},
                     {"plan", list_of(explanation.plan.steps)}};
    // Paths are bytes, JSON is UTF-8.
    return whole.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace cginit
