#include "report/plan_text.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "report/text.hpp"

namespace cginit {
namespace {

std::string facts_text(const World& world) {
    const std::string id = world.container_id.empty() ? "unknown" : world.container_id.substr(0, 12);
    return "facts\n" + line_of({"  engine    ", to_string(world.engine), ", container ", id}) +
           line_of({"  view      ", to_string(world.view), world.view_in_sight ? "" : ", out of sight"}) +
           line_of({"  cgroupns  private: ", to_string(world.namespaced)}) +
           line_of({"  init      ", describe(world.init)});
}

std::string hierarchies_text(const Decision& decision) {
    std::size_t width = 0;
    for (const HierarchyDecision& choice : decision.hierarchies) {
        width = std::max(width, escaped(choice.name).size());
    }
    std::string text;
    for (const HierarchyDecision& choice : decision.hierarchies) {
        text += line_of({"  ", padded(escaped(choice.name), width), "  ", padded(to_string(choice.access), 9), "  ",
                         choice.reason});
    }
    return text;
}

std::string delegation_text(const Delegation& delegation) {
    const std::string which = delegation.controllers.empty() ? "all controllers" : join(delegation.controllers, ", ");
    return line_of({"  delegate  ", delegation.wanted ? which : "no", ": ", delegation.reason});
}

std::string measure_text(const std::string& what, const Measure& measure, const char* taken, const char* left) {
    return line_of({"  ", padded(what, 9), " ", measure.taken ? taken : left, ": ", measure.reason});
}

std::string expectations_text(const Decision& decision) {
    std::string text;
    for (const TmpfsDecision& tmpfs : decision.tmpfs) {
        text += measure_text(tmpfs.point, tmpfs.measure, "tmpfs", "as it is");
    }
    text += measure_text("/sys", decision.sys_read_only, "read-only", "as it is");
    text += measure_text("mounts", decision.share_tree, "shared", "as they are");
    text += measure_text("ttys", decision.hide_ttys, "hidden", "as they are");
    return text;
}

std::string step_text(std::size_t number, const Step& step) {
    const std::string digits = std::to_string(number);
    const std::string undo = step.undo ? describe(*step.undo) : concat({"none: ", step.no_undo});
    std::string text =
        line_of({std::string(digits.size() < 3 ? 3 - digits.size() : 0, ' '), digits, ". ", describe(step.op)});
    text += line_of({"     why: ", step.why});
    text += line_of({"     scope: ", to_string(step.scope), "; undo: ", undo});
    return step.or_else ? text + line_of({"     or else: ", step.or_else->why}) : text;
}

/// A heading and a line below it.
std::string entry_text(const char* heading, const std::string& text) {
    return concat({heading, "\n", line_of({"  ", text})});
}

}  // namespace

std::string decision_text(const Decision& decision) {
    std::string text = "decision\n";
    text += line_of({"  layout    ", to_string(decision.layout), ": ", decision.layout_reason});
    text += line_of({"  method    ", to_string(method_of(decision)), ": ", decision.method_reason});
    text += delegation_text(decision.delegation);
    text += measure_text("failure", decision.go_on, "continue", "exit");
    text += concat({expectations_text(decision), "hierarchies\n", hierarchies_text(decision)});
    if (!decision.drop_capabilities.empty()) {
        const auto& dropped = decision.drop_capabilities;
        const bool sys_admin = std::find(dropped.begin(), dropped.end(), "cap_sys_admin") != dropped.end();
        text += entry_text("dropped",
                           concat({join(dropped, ", "), ": --drop-cap",
                                   sys_admin ? "; and with it new user namespaces, which would give it back" : ""}));
    }
    for (const std::string& setting : decision.weakened) {
        text += entry_text("weakened", setting);
    }
    for (const std::string& point : decision.kept_elsewhere) {
        text += entry_text("kept", concat({point, ": --keep-mount"}));
    }
    for (const std::string& warning : decision.warnings) {
        text += entry_text("warning", warning);
    }
    return text;
}

std::string plan_text(const World& world, const Decision& decision, const Plan& plan, const TextStyle& style) {
    std::string text =
        concat({facts_text(world), decision_text(decision), mount_picture(world, decision, plan, style)});
    if (plan.steps.empty()) {
        return concat({text, "plan\n  nothing to do\n"});
    }
    text += "plan\n";
    const char* phase = nullptr;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        if (phase != to_string(plan.steps[i].phase)) {
            phase = to_string(plan.steps[i].phase);
            text += concat({" ", phase, "\n"});
        }
        text += step_text(i + 1, plan.steps[i]);
    }
    return text;
}

std::string summary_line(const World& world, const Decision& decision, const Parts& given_up) {
    const auto is_given_up = [&given_up](PartKind kind, const std::string& hierarchy) {
        return has_part(given_up, {kind, hierarchy});
    };
    std::size_t visible = 0;
    std::size_t writable = 0;
    std::size_t guarded = 0;
    for (HierarchyDecision choice : decision.hierarchies) {
        if (is_given_up(PartKind::hierarchy, choice.name)) {
            continue;
        }
        if (is_given_up(PartKind::inner_level, choice.name) && choice.access == Access::writable) {
            choice.access = Access::read_only;
        }
        choice.inner = choice.inner && !is_given_up(PartKind::inner_level, choice.name) &&
                       !is_given_up(PartKind::own_cgroup, choice.name);
        visible += choice.access == Access::left_out ? 0U : 1U;
        writable += choice.access == Access::writable ? 1U : 0U;
        guarded += choice.inner ? 1U : 0U;
    }
    const std::string next = concat({describe(world.init), " next"});
    std::string kept;
    for (const std::string& point : decision.kept_elsewhere) {
        kept += concat({"; ", point, " kept"});
    }
    if (!decision.weakened.empty()) {
        kept += concat({"; weakened: ", join(decision.weakened, ", ")});
    }
    if (decision.mounting == Mounting::keep) {
        return concat({changes_nothing(decision) ? "nothing to do (" : "cgroups as they are (", decision.method_reason,
                       ")", kept, "; ", next});
    }
    const View layout =
        decision.layout == View::hybrid && is_given_up(PartKind::hierarchy, "unified") ? View::legacy : decision.layout;
    return concat({to_string(layout), " cgroups private (", to_string(method_of(decision)), "): ",
                   std::to_string(visible), visible == 1 ? " hierarchy, " : " hierarchies, ", std::to_string(writable),
                   " writable, ", std::to_string(guarded), " guarded by an inner cgroup", kept, "; ", next});
}

}  // namespace cginit
