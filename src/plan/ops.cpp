#include "cginit/plan.hpp"
#include "core/text.hpp"
#include "plan/simulate.hpp"

// Everything that is known about an op but how it is performed: one row for each kind. A kind without a row, and a row without
// one of its columns, does not compile.

namespace cginit {
namespace {

const char* to_string(PropagationType type) {
    switch (type) {
        case PropagationType::private_: return "private";
        case PropagationType::slave: return "slave";
        case PropagationType::shared: return "shared";
    }
    return "";
}

std::string id_map_text(const std::string& map) { return join(split(map, '\n'), ", "); }

/// `a80425fb`, as /proc/PID/status has it but for zeros in front.
std::string hexadecimal(std::uint64_t number) {
    std::string digits;
    for (; number != 0 || digits.empty(); number >>= 4U) {
        digits.insert(digits.begin(), "0123456789abcdef"[number & 0xfU]);
    }
    return digits;
}

/// The columns:
///   kWrites   what it changes
///   kScope    how long that lasts
///   text      how it reads
///   simulate  what it does to a simulated mount table; returns what the kernel would refuse or carry to peers
template <class Kind>
struct OpRow;

template <Writes What, Scope HowLong>
struct Columns {
    static constexpr Writes kWrites = What;
    static constexpr Scope kScope = HowLong;
};

/// Of ops that leave the mount table as it is.
template <Writes What, Scope HowLong>
struct NoMounts : Columns<What, HowLong> {
    template <class Kind>
    static std::string simulate(SimulatedMounts& /*mounts*/, const Kind& /*op*/) {
        return {};
    }
};

using MountCall = Columns<Writes::mounts, Scope::mount_namespace>;

template <>
struct OpRow<MountFilesystem> : MountCall {
    static std::string text(const MountFilesystem& op) {
        const std::string options = op.options.empty() ? "" : concat({" [", op.options, "]"});
        return concat({"mount ", op.fstype, options, " on ", op.target, " (", describe(op.flags), ")"});
    }
    static std::string simulate(SimulatedMounts& mounts, const MountFilesystem& op) { return mounts.mount(op); }
};

template <>
struct OpRow<BindMount> : MountCall {
    static std::string text(const BindMount& op) {
        return concat({"bind mount ", op.from, op.recursive ? " and all below to " : " to ", op.to});
    }
    static std::string simulate(SimulatedMounts& mounts, const BindMount& op) { return mounts.bind(op); }
};

template <>
struct OpRow<RemountBind> : MountCall {
    static std::string text(const RemountBind& op) {
        return concat({"remount ", op.target, " (", describe(op.flags), ")"});
    }
    static std::string simulate(SimulatedMounts& mounts, const RemountBind& op) { return mounts.remount(op); }
};

template <>
struct OpRow<MoveMount> : MountCall {
    static std::string text(const MoveMount& op) { return concat({"move mount ", op.from, " to ", op.to}); }
    static std::string simulate(SimulatedMounts& mounts, const MoveMount& op) { return mounts.move(op); }
};

template <>
struct OpRow<SetPropagation> : MountCall {
    static std::string text(const SetPropagation& op) {
        return concat({"make ", op.target, op.recursive ? " and all below " : " ", to_string(op.type)});
    }
    static std::string simulate(SimulatedMounts& mounts, const SetPropagation& op) { return mounts.propagate(op); }
};

template <>
struct OpRow<DetachMount> : MountCall {
    static std::string text(const DetachMount& op) { return concat({"detach ", op.target}); }
    static std::string simulate(SimulatedMounts& mounts, const DetachMount& op) { return mounts.detach(op); }
};

template <>
struct OpRow<UnshareCgroupNamespace> : NoMounts<Writes::namespaces, Scope::process> {
    static std::string text(const UnshareCgroupNamespace& /*op*/) { return "unshare the cgroup namespace"; }
};

template <>
struct OpRow<RestoreCgroupNamespace> : NoMounts<Writes::namespaces, Scope::process> {
    static std::string text(const RestoreCgroupNamespace& /*op*/) { return "return to the cgroup namespace before"; }
};

template <>
struct OpRow<UnshareUserNamespace> : Columns<Writes::namespaces, Scope::irreversible> {
    static std::string text(const UnshareUserNamespace& op) {
        return concat({"unshare the user, mount, cgroup and UTS namespaces (ids ", id_map_text(op.uid_map), ")"});
    }
    static std::string simulate(SimulatedMounts& mounts, const UnshareUserNamespace& /*op*/) {
        return mounts.lock_all();
    }
};

template <>
struct OpRow<MakeUserNamespace> : NoMounts<Writes::namespaces, Scope::process> {
    static std::string text(const MakeUserNamespace& op) {
        return concat({"make a user and a cgroup namespace (ids ", id_map_text(op.uid_map), ")"});
    }
};

template <>
struct OpRow<EnterUserNamespace> : Columns<Writes::namespaces, Scope::irreversible> {
    static std::string text(const EnterUserNamespace& /*op*/) {
        return "enter these, and unshare the mount and UTS namespaces";
    }
    static std::string simulate(SimulatedMounts& mounts, const EnterUserNamespace& /*op*/) { return mounts.lock_all(); }
};

template <>
struct OpRow<MakeDirectory> : NoMounts<Writes::files, Scope::mount_namespace> {
    static std::string text(const MakeDirectory& op) { return concat({"make directory ", op.path}); }
};

template <>
struct OpRow<MakeSymlink> : NoMounts<Writes::files, Scope::mount_namespace> {
    static std::string text(const MakeSymlink& op) { return concat({"make symlink ", op.path, " -> ", op.target}); }
};

template <>
struct OpRow<MakeWhiteout> : NoMounts<Writes::files, Scope::mount_namespace> {
    static std::string text(const MakeWhiteout& op) { return concat({"make whiteout ", op.path}); }
};

template <>
struct OpRow<MakeMountPoint> : NoMounts<Writes::files, Scope::mount_namespace> {
    static std::string text(const MakeMountPoint& op) {
        return concat({"make mount point ", op.path, " like ", op.like});
    }
};

template <>
struct OpRow<MakeCgroup> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const MakeCgroup& op) { return concat({"make cgroup ", op.path}); }
};

template <>
struct OpRow<RemoveCgroup> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const RemoveCgroup& op) { return concat({"remove cgroup ", op.path}); }
};

template <>
struct OpRow<MoveProcesses> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const MoveProcesses& op) {
        return concat({"move all processes of ", op.from, " to ", op.to});
    }
};

template <>
struct OpRow<JoinCgroup> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const JoinCgroup& op) { return concat({"move this process alone to ", op.path}); }
};

template <>
struct OpRow<WriteCgroupFile> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const WriteCgroupFile& op) { return concat({"write ", op.value, " to ", op.path}); }
};

template <>
struct OpRow<CopyCgroupFile> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const CopyCgroupFile& op) { return concat({"copy ", op.from, " to ", op.to}); }
};

template <>
struct OpRow<CopyLimits> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const CopyLimits& op) {
        return concat({"copy the limits ", join(op.files, ", "), " of ", op.from, " to ", op.to});
    }
};

template <>
struct OpRow<EnableControllers> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const EnableControllers& op) {
        const std::string which = op.controllers.empty() ? "all controllers" : join(op.controllers, ", ");
        return concat({"enable ", which, " for the children of ", op.cgroup});
    }
};

template <>
struct OpRow<DisableControllers> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const DisableControllers& op) {
        return concat({"disable all controllers for the children of ", op.cgroup});
    }
};

template <>
struct OpRow<LimitDescendants> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const LimitDescendants& op) {
        std::vector<std::string> limits;
        if (op.descendants) {
            limits.push_back(concat({std::to_string(*op.descendants), " cgroups"}));
        }
        if (op.depth) {
            limits.push_back(concat({std::to_string(*op.depth), " levels"}));
        }
        return concat({"limit what is below ", op.cgroup, " to ", join(limits, " and ")});
    }
};

template <>
struct OpRow<RestoreDescendantLimits> : NoMounts<Writes::cgroups, Scope::persistent> {
    static std::string text(const RestoreDescendantLimits& op) {
        return concat({"restore the limits of what is below ", op.cgroup});
    }
};

template <>
struct OpRow<AssertNotRealRoot> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const AssertNotRealRoot& op) {
        return concat({"assert that ", op.path, " is not the real root"});
    }
};

template <>
struct OpRow<AssertRealRoot> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const AssertRealRoot& op) { return concat({"assert that ", op.path, " is the real root"}); }
};

template <>
struct OpRow<AssertHierarchicalMemory> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const AssertHierarchicalMemory& op) {
        return concat({"assert that memory is hierarchical in ", op.path});
    }
};

template <>
struct OpRow<AssertMember> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const AssertMember& op) { return concat({"assert that this process is in ", op.path}); }
};

template <>
struct OpRow<ProbeCgroup> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const ProbeCgroup& op) { return concat({"make and remove a child cgroup of ", op.path}); }
};

template <>
struct OpRow<AssertUnpopulated> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const AssertUnpopulated& op) { return concat({"assert that nobody is in ", op.path}); }
};

template <>
struct OpRow<AssertNoOutsiders> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const AssertNoOutsiders& op) {
        return concat({"assert that nobody from outside is in ", op.path});
    }
};

template <>
struct OpRow<EnterDirectory> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const EnterDirectory& op) { return concat({"enter directory ", op.path}); }
};

template <>
struct OpRow<ReturnToDirectory> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const ReturnToDirectory& /*op*/) { return "return to the directory before"; }
};

template <>
struct OpRow<HoldStandardDescriptors> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const HoldStandardDescriptors& /*op*/) { return "hold closed standard descriptors"; }
};

template <>
struct OpRow<HideFromOthers> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const HideFromOthers& /*op*/) { return "hide this process from others (not dumpable)"; }
};

template <>
struct OpRow<LockMountNamespace> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const LockMountNamespace& /*op*/) { return "lock the mount namespace"; }
};

template <>
struct OpRow<HoldSignals> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const HoldSignals& /*op*/) { return "hold signals back"; }
};

template <>
struct OpRow<ReleaseSignals> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const ReleaseSignals& /*op*/) { return "let signals through"; }
};

template <>
struct OpRow<HoldUmask> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const HoldUmask& /*op*/) { return "set the umask to 0"; }
};

template <>
struct OpRow<ReleaseUmask> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const ReleaseUmask& /*op*/) { return "set the umask as it was"; }
};

template <>
struct OpRow<CloseDescriptors> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const CloseDescriptors& op) {
        return concat({"close descriptors from ", std::to_string(op.first), " on"});
    }
};

template <>
struct OpRow<DropCapabilities> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const DropCapabilities& op) { return concat({"drop ", join(op.names, ", ")}); }
};

template <>
struct OpRow<KeepCapabilities> : NoMounts<Writes::process, Scope::process> {
    static std::string text(const KeepCapabilities& op) {
        return concat({"keep the capabilities ", hexadecimal(op.mask), " alone", op.but_for.empty() ? "" : ", but not ",
                       join(op.but_for, ", ")});
    }
};

template <>
struct OpRow<RehearseDropCapabilities> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const RehearseDropCapabilities& op) {
        return concat({"rehearse to drop ", join(op.names, ", ")});
    }
};

template <>
struct OpRow<RehearseUnmount> : NoMounts<Writes::nothing, Scope::none> {
    static std::string text(const RehearseUnmount& op) { return concat({"rehearse to unmount ", op.target}); }
};

template <>
struct OpRow<ExecuteProgram> : NoMounts<Writes::process, Scope::irreversible> {
    static std::string text(const ExecuteProgram& op) { return concat({"execute ", op.file}); }
};

}  // namespace

/// OpRow<Kind> of the kind that a visitor is called with.
template <class Kind>
using RowOf = OpRow<std::decay_t<Kind>>;

std::string describe(const Op& op) {
    return std::visit([](const auto& kind) { return RowOf<decltype(kind)>::text(kind); }, op);
}

Writes writes(const Op& op) {
    return std::visit([](const auto& kind) { return RowOf<decltype(kind)>::kWrites; }, op);
}

Scope scope_of(const Op& op) {
    return std::visit([](const auto& kind) { return RowOf<decltype(kind)>::kScope; }, op);
}

std::string SimulatedMounts::apply(const Op& op) {
    return std::visit([this](const auto& kind) { return RowOf<decltype(kind)>::simulate(*this, kind); }, op);
}

}  // namespace cginit
