#include "kernel/support/story.hpp"

#include <unistd.h>

#include <stdexcept>

#include "core/text.hpp"
#include "read/gather.hpp"
#include "read/source.hpp"

namespace cginit {

Result<Outcome> FaultyKernelLinux::perform(const Op& op) {
    if (armed_) {
        armed_ = false;
        has_failed_ = true;
        return make_errno_error(errnum_, "injected");
    }
    later_ops_ += has_failed_ ? 1U : 0U;
    if (has_failed_ && later_ops_ <= more_) {
        return make_errno_error(errnum_, "injected, too");
    }
    return kernel_.perform(op);
}

namespace {

Snapshot look_now(const InitTraits& traits) {
    const Result<Source> source = Source::open("/");
    const Result<Snapshot> snapshot = gather(source.value(), ::getpid(), traits);
    if (!snapshot) {
        throw std::runtime_error(snapshot.error().message());
    }
    return *snapshot;
}

}  // namespace

World see_now(const InitTraits& traits) { return classify(look_now(traits)); }

Story prepare_story(const Options& options, const InitTraits& traits) {
    Story story;
    story.options = options;
    story.traits = traits;
    story.world = see_now(traits);
    const Result<Decision> decision = decide(story.world, options);
    if (!decision) {
        throw std::runtime_error(decision.error().message());
    }
    story.decision = *decision;
    story.plan = make_plan(story.world, story.decision);
    const std::vector<std::string> problems = check_plan(story.world, story.decision, story.plan);
    if (!problems.empty()) {
        throw std::runtime_error(join(problems, "; "));
    }
    return story;
}

std::vector<std::string> verify_story(const Story& story, const PlanRunner& runner) {
    const World after = classify_again(look_now(story.traits), story.world);
    std::vector<std::string> problems = check_view(after, story.decision, runner.given_up());
    for (std::string& problem : check_expectations(after, story.decision, runner.given_up())) {
        problems.push_back(std::move(problem));
    }
    return problems;
}

}  // namespace cginit
