#pragma once

#include <string>
#include <vector>

#include "cginit/cure.hpp"
#include "cginit/error_code.hpp"
#include "cginit/op.hpp"
#include "cginit/result.hpp"
#include "cginit/world.hpp"

namespace cginit {

/// What it means that an op failed, where the errno alone misleads: EACCES on mount is a security module, EPERM is
/// seccomp or a capability, EINVAL on a move is a shared parent. Empty if there is nothing to say beyond the errno.
[[nodiscard]] Hint hint_for(const Op& op, int errnum, const World& world);

/// The same for an errno that means one thing whatever the call was: a limit of the process or the machine.
[[nodiscard]] Hint hint_for(int errnum);

/// One thing to write, and where.
struct Remedy {
    std::string
        where;  ///< WHERE of generate_problems.py: `docker`, `compose`, `host`, `image`, `cginit`; empty: `setting` is a sentence
    std::string setting;  ///< a flag of `docker run`, a line of YAML, a variable, lines of a shell
    int alternative = 0;  ///< what has the same number belongs together; any of them will do

    bool operator==(const Remedy&) const = default;
};

/// Those of the cures that can be had in this container, with what they take from its facts.
[[nodiscard]] Cures offered(const Cures& cures, const World& world);

/// What to write for each of the cures, in their order: for the place where the container was started, the host, the image
/// and cginit itself. Where the place is not known, or knows none of the cures, for the engines.
[[nodiscard]] std::vector<Remedy> remedies_for(const Cures& cures, const World& world);

/// The error with its cures as the place calls them: a line of YAML in a pod.
[[nodiscard]] Error in_words_of_place(const Error& error, const World& world);

/// True if an error with that code may name that cure (problems.toml).
[[nodiscard]] bool is_cure_of(ErrorCode code, CureId cure);

/// Shell commands for the host that give a container's cgroup to its root.
[[nodiscard]] std::string chown_commands(const World& world);

/// The view is built in a user namespace by a process that AppArmor leaves alone. With Ubuntu's
/// kernel.apparmor_restrict_unprivileged_userns=1 it has no capability there, and its first mount is refused; what a
/// profile confines that does not decide on user namespaces, or permits them, keeps them.
[[nodiscard]] bool is_unconfined_in_user_namespace(const World& world);

/// A profile that permits mounts goes on confining the container. Not one with CAP_SYS_ADMIN in the host's user namespace:
/// AppArmor does not know open_tree(2) and fsopen(2), and its rules go by paths, which root makes as it likes then. All
/// that examples/apparmor/cginit still denies is the first thing that one would try.
[[nodiscard]] bool can_be_confined(const World& world);

}  // namespace cginit
