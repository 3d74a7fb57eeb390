#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "cginit/plan.hpp"
#include "decide/stages.hpp"
#include "unit/world_builder.hpp"

namespace cginit {

/// The choices by name.
inline std::map<std::string, HierarchyDecision> chosen(const Snapshot& snapshot, Decision decision,
                                                       const Options& options = {}) {
    const Status status = choose_hierarchies(classify(snapshot), options, decision);
    EXPECT_TRUE(status) << status.error().message();
    std::map<std::string, HierarchyDecision> choices;
    for (const HierarchyDecision& choice : decision.hierarchies) {
        EXPECT_FALSE(choice.reason.empty()) << choice.name;
        choices[choice.name] = choice;
    }
    return choices;
}

inline Decision planned(View layout, Method method) {
    Decision decision;
    decision.layout = layout;
    set_method(decision, method);
    return decision;
}

inline Options never_inner() {
    Options options;
    options.inner = Inner::never;
    return options;
}

struct ChoiceCase {
    const char* name;
    Access access;
    bool inner;
    const char* reason;
};

inline void expect(const std::map<std::string, HierarchyDecision>& choices, const std::vector<ChoiceCase>& cases) {
    EXPECT_EQ(choices.size(), cases.size());
    for (const ChoiceCase& c : cases) {
        const HierarchyDecision& choice = choices.at(c.name);
        EXPECT_EQ(choice.access, c.access) << c.name;
        EXPECT_EQ(choice.inner, c.inner) << c.name;
        EXPECT_EQ(choice.reason, c.reason) << c.name;
        const std::string inner = choice.engine_cgroup == "/" ? "/cginit" : choice.engine_cgroup + "/cginit";
        EXPECT_EQ(choice.init_cgroup, c.inner ? inner : choice.engine_cgroup) << c.name;
    }
}

}  // namespace cginit
