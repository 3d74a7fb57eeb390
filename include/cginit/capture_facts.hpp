#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cginit/init_traits.hpp"
#include "cginit/result.hpp"
#include "cginit/snapshot.hpp"

namespace cginit {

/// The file of a capture that holds what no file of the system tells, and makes it one; `--capture` writes it.
inline constexpr const char* kCaptureFacts = "/cginit/facts";

/// What is in that file. A fact without a line is unknown.
struct CaptureFacts {
    std::optional<int> pid;                    ///< cginit's own
    std::optional<InitTraits> init;            ///< what was found out about the init
    std::map<std::string, PlaceType> places;   ///< by path
    UserNamespaces user_namespaces;            ///< what trying to make one came to
    Tri owns_cgroup_namespace = Tri::unknown;  ///< as in the Snapshot
    std::map<std::string, Tri> delegated;      ///< CgroupDirectory::delegated by mount point, where it is known
    std::map<std::string, Tri> owned;          ///< CgroupDirectory::owned likewise
    std::map<std::string, Tri> outsiders;      ///< CgroupDirectory::outsiders likewise
    Tri pid1_mounts = Tri::unknown;            ///< as in the Snapshot, and what follows
    Neighbours neighbours = Neighbours::not_looked_for;
    std::string neighbour;
    std::string container_variable;
    int working_directory_mount = 0;
    int root_mount = 0;
    std::vector<InheritedDescriptor> descriptors;
    std::optional<TriedPlan> tried;

    bool operator==(const CaptureFacts&) const = default;
};

/// One fact per line; of user namespaces the errno where they are refused, and whether each way to one is; of a trial how many
/// steps the plan has, and the errno and the step if one was refused:
///
///     pid 1
///     init systemd:252
///     init-file /usr/lib/systemd/systemd
///     init-needs /lib/ld-linux-x86-64.so.2
///     init-version-unknown there is a libsystemd-shared of each of 252, 255
///     place /run directory
///     place /run/lock absent
///     user-namespaces yes
///     user-namespaces 28 open
///     owns-cgroup-namespace no
///     delegated /sys/fs/cgroup yes
///     owned /sys/fs/cgroup yes
///     outsiders /sys/fs/cgroup no
///     pid1-mounts yes
///     neighbours some 1 (systemd)
///     container-variable lxc
///     working-directory-mount 121
///     root-mount 96
///     descriptor 7 directory
///     tried 27
///     tried 27 13 mount cgroup2 on /proc/driver/new (rw,nosuid,nodev,noexec,relatime)
[[nodiscard]] std::string capture_facts_text(const CaptureFacts& facts);
/// The reverse; `name` is the file for messages. A line that begins with another word is passed over: a later version knows more. A
/// fact that is not as above, or is there twice, is an error with its line.
[[nodiscard]] Result<CaptureFacts> parse_capture_facts(const std::string& text, const std::string& name);

}  // namespace cginit
