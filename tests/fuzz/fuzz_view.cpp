#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "core/text.hpp"
#include "fuzz/input.hpp"
#include "fuzz/lines.hpp"
#include "golden/promises.hpp"
#include "read/gather.hpp"

// All files of a container together, through gather, classify, decide, make_plan and check_plan, and the plan on a
// simulated mount table. Every broken promise ends the process, with a text that says which.

namespace cginit {
namespace {

void require(const std::vector<std::string>& problems, const char* promise) {
    if (!problems.empty()) {
        std::fprintf(stderr, "BROKEN: %s\n  %s\n", promise, join(problems, "\n  ").c_str());
        std::abort();
    }
}

void require(bool holds, const char* promise, const std::string& text) {
    require(holds ? std::vector<std::string>() : std::vector<std::string>{text}, promise);
}

/// The steps that fail: those with an or_else whose bit is set.
class Fails {
public:
    Fails(const Plan& plan, unsigned long bits) {
        unsigned number = 0;
        for (const Step& step : plan.steps) {
            if (step.or_else && ((bits >> (number++ % 32U)) & 1U) != 0) {
                steps_.push_back(&step);
            }
        }
    }
    bool operator()(const Step& step) const { return std::find(steps_.begin(), steps_.end(), &step) != steps_.end(); }

private:
    std::vector<const Step*> steps_;
};

void rehearse(const Replay& replay, unsigned long bits) {
    const Fails fails(replay.plan, bits);
    Rehearsal rehearsal(replay.world, replay.plan, fails);
    rehearsal.run_until_commit();
    Rehearsal undone = rehearsal;
    undone.roll_back();
    require(not_restored(replay, undone), "its undo restores the mounts");
    rehearsal.commit();
    if (rebuilds(*replay.decision)) {
        require(broken_promises(replay, rehearsal), "the view is private, consistent and as writable as promised");
    } else {
        require(rehearsal.troubles(), "every step can be done");
    }
    require(displaced_mounts(replay, rehearsal), "what is no cgroup mount stays in place");
}

/// Before Linux 4.11 mounts that were propagated could share a place with another (1064f874abc0). One that is moved away
/// and back is then stacked on the other: the same view, but another table.
bool has_shared_places(const MountTable& mounts) {
    std::set<std::pair<int, std::string>> places;
    return !std::all_of(mounts.begin(), mounts.end(), [&places](const MountEntry& mount) {
        return places.emplace(mount.parent, mount.point).second;
    });
}

void run(const FuzzInput& input, const Source& source) {
    const Result<Snapshot> snapshot = gather(source, input.pid, input.init);
    if (!snapshot) {
        require(!snapshot.error().frames.empty(), "an error says what is wrong", "it does not");
        return;
    }
    // Without a cgroup mount a missing one is no error.
    const std::string cgroups = source.read_if_exists("/proc/self/cgroup").value().value_or("");
    require(lost_lines(*snapshot, source.read("/proc/self/mountinfo").value(), cgroups), "no line is lost");
    const Replay first = replay(*snapshot, input.options);
    const Replay second = replay(gather(source, input.pid, input.init).value(), input.options);
    require(first.plan == second.plan && first.text == second.text, "two runs are equal", first.text);
    require(wrong_with_pictures(first), "its pictures fit and show nothing of the host afterwards");
    require(unprintable(explanation_of(*snapshot)), "nothing that is printed moves the cursor");
    require(first.decision ? unprintable(first.text) : std::vector<std::string>(),
            "nothing that is printed moves the cursor");
    if (!first.decision) {
        const Result<Decision> refused = decide(first.world, input.options);
        require(!refused.error().cures.empty(), "a refusal has a cure", first.text);
        return;
    }
    require(check_plan(first.world, *first.decision, first.plan), "the plan passes the check");
    if (has_shared_places(first.world.mounts)) {
        return;
    }
    rehearse(first, 0);
    if (input.fails != 0) {
        rehearse(first, input.fails);
    }
}

}  // namespace
}  // namespace cginit

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static cginit::FuzzFolder folder;
    static const cginit::Result<cginit::Source> source = cginit::Source::open(folder.path());
    const auto input = cginit::read_input({reinterpret_cast<const char*>(data), size});
    if (input) {
        folder.hold(input->files);
        cginit::run(*input, *source);
    }
    return 0;
}
