#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/linux/trial.hpp"
#include "core/path.hpp"
#include "core/text.hpp"
#include "kernel/support/container.hpp"

// The child process in which a plan is rehearsed.

namespace cginit {
namespace {

/// Waits until `parent` has a second child that sleeps, and kills it: the first is the caller.
void kill_the_other_child(pid_t parent) {
    const std::string own = std::to_string(::getpid());
    const std::string id = std::to_string(parent);
    for (;;) {
        for (const std::string& child : split(read_text(concat({"/proc/", id, "/task/", id, "/children"})), ' ')) {
            const std::string state =
                child.empty() || child == own ? "" : read_text(concat({"/proc/", child, "/status"}));
            if (state.find("State:\tS") != std::string::npos) {
                ::kill(std::stoi(child), SIGKILL);
                return;
            }
        }
        ::usleep(1000);
    }
}

TEST(Rehearsal, OneThatIsKilledIsNotUndone) {
    CGINIT_NEEDS_KERNEL();
    EXPECT_EQ(run_in_private_mounts([] {
                  ASSERT_EQ(::mount("tmpfs", "/mnt", "tmpfs", 0, ""), 0);
                  ASSERT_EQ(::mkfifo("/mnt/waits", 0600), 0);
                  const pid_t self = ::getpid();
                  const pid_t killer = start_child([self] { kill_the_other_child(self); });
                  Plan plan;
                  plan.steps.resize(1);
                  // Nobody reads: open(2) does not return.
                  plan.steps[0].op = WriteCgroupFile{"/mnt/waits", "x"};
                  const auto outcome = rehearse_plan(plan);
                  EXPECT_EQ(status_of(killer), 0);
                  ASSERT_FALSE(outcome);
                  EXPECT_EQ(outcome.error().kind, ErrorKind::not_undone);
                  EXPECT_EQ(outcome.error().message(),
                            "it was killed, and may have left the container's processes in another cgroup; start the "
                            "container again: its cgroups go with it");
              }),
              0);
}

}  // namespace
}  // namespace cginit
