#include "cginit/op.hpp"

#include "core/text.hpp"

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

struct Describer {
    std::string operator()(const MountFilesystem& op) const {
        const std::string options = op.options.empty() ? "" : concat({" [", op.options, "]"});
        return concat({"mount ", op.fstype, options, " on ", op.target, " (", describe(op.flags), ")"});
    }
    std::string operator()(const BindMount& op) const {
        return concat({"bind mount ", op.from, op.recursive ? " and all below to " : " to ", op.to});
    }
    std::string operator()(const RemountBind& op) const {
        return concat({"remount ", op.target, " (", describe(op.flags), ")"});
    }
    std::string operator()(const MoveMount& op) const { return concat({"move mount ", op.from, " to ", op.to}); }
    std::string operator()(const SetPropagation& op) const {
        return concat({"make ", op.target, op.recursive ? " and all below " : " ", to_string(op.type)});
    }
    std::string operator()(const DetachMount& op) const { return concat({"detach ", op.target}); }
    std::string operator()(const UnshareCgroupNamespace& /*op*/) const { return "unshare the cgroup namespace"; }
    std::string operator()(const RestoreCgroupNamespace& /*op*/) const {
        return "return to the cgroup namespace before";
    }
    std::string operator()(const UnshareUserNamespace& op) const {
        return concat({"unshare the user, mount, cgroup and UTS namespaces (ids ", id_map_text(op.uid_map), ")"});
    }
    std::string operator()(const MakeUserNamespace& op) const {
        return concat({"make a user and a cgroup namespace (ids ", id_map_text(op.uid_map), ")"});
    }
    std::string operator()(const EnterUserNamespace& /*op*/) const {
        return "enter these, and unshare the mount and UTS namespaces";
    }
    std::string operator()(const MakeDirectory& op) const { return concat({"make directory ", op.path}); }
    std::string operator()(const MakeSymlink& op) const {
        return concat({"make symlink ", op.path, " -> ", op.target});
    }
    std::string operator()(const MakeWhiteout& op) const { return concat({"make whiteout ", op.path}); }
    std::string operator()(const MakeMountPoint& op) const {
        return concat({"make mount point ", op.path, " like ", op.like});
    }
    std::string operator()(const MakeCgroup& op) const { return concat({"make cgroup ", op.path}); }
    std::string operator()(const RemoveCgroup& op) const { return concat({"remove cgroup ", op.path}); }
    std::string operator()(const MoveProcesses& op) const {
        return concat({"move all processes of ", op.from, " to ", op.to});
    }
    std::string operator()(const JoinCgroup& op) const { return concat({"move this process alone to ", op.path}); }
    std::string operator()(const WriteCgroupFile& op) const { return concat({"write ", op.value, " to ", op.path}); }
    std::string operator()(const CopyCgroupFile& op) const { return concat({"copy ", op.from, " to ", op.to}); }
    std::string operator()(const CopyLimits& op) const {
        return concat({"copy the limits ", join(op.files, ", "), " of ", op.from, " to ", op.to});
    }
    std::string operator()(const EnableControllers& op) const {
        const std::string which = op.controllers.empty() ? "all controllers" : join(op.controllers, ", ");
        return concat({"enable ", which, " for the children of ", op.cgroup});
    }
    std::string operator()(const LimitDescendants& op) const {
        std::vector<std::string> limits;
        if (op.descendants) {
            limits.push_back(concat({std::to_string(*op.descendants), " cgroups"}));
        }
        if (op.depth) {
            limits.push_back(concat({std::to_string(*op.depth), " levels"}));
        }
        return concat({"limit what is below ", op.cgroup, " to ", join(limits, " and ")});
    }
    std::string operator()(const RestoreDescendantLimits& op) const {
        return concat({"restore the limits of what is below ", op.cgroup});
    }
    std::string operator()(const DisableControllers& op) const {
        return concat({"disable all controllers for the children of ", op.cgroup});
    }
    std::string operator()(const AssertNotRealRoot& op) const {
        return concat({"assert that ", op.path, " is not the real root"});
    }
    std::string operator()(const AssertRealRoot& op) const {
        return concat({"assert that ", op.path, " is the real root"});
    }
    std::string operator()(const AssertHierarchicalMemory& op) const {
        return concat({"assert that memory is hierarchical in ", op.path});
    }
    std::string operator()(const AssertMember& op) const {
        return concat({"assert that this process is in ", op.path});
    }
    std::string operator()(const ProbeCgroup& op) const {
        return concat({"make and remove a child cgroup of ", op.path});
    }
    std::string operator()(const AssertNoOutsiders& op) const {
        return concat({"assert that nobody from outside is in ", op.path});
    }
    std::string operator()(const EnterDirectory& op) const { return concat({"enter directory ", op.path}); }
    std::string operator()(const ReturnToDirectory& /*op*/) const { return "return to the directory before"; }
    std::string operator()(const HoldUmask& /*op*/) const { return "set the umask to 0"; }
    std::string operator()(const ReleaseUmask& /*op*/) const { return "set the umask as it was"; }
    std::string operator()(const HoldStandardDescriptors& /*op*/) const { return "hold closed standard descriptors"; }
    std::string operator()(const LockMountNamespace& /*op*/) const { return "lock the mount namespace"; }
    std::string operator()(const HideFromOthers& /*op*/) const {
        return "hide this process from others (not dumpable)";
    }
    std::string operator()(const HoldSignals& /*op*/) const { return "hold signals back"; }
    std::string operator()(const ReleaseSignals& /*op*/) const { return "let signals through"; }
    std::string operator()(const CloseDescriptors& op) const {
        return concat({"close descriptors from ", std::to_string(op.first), " on"});
    }
    std::string operator()(const RehearseDropCapabilities& op) const {
        return concat({"rehearse to drop ", join(op.names, ", ")});
    }
    std::string operator()(const RehearseUnmount& op) const { return concat({"rehearse to unmount ", op.target}); }
    std::string operator()(const DropCapabilities& op) const { return concat({"drop ", join(op.names, ", ")}); }
    std::string operator()(const KeepCapabilities& op) const {
        return concat({"keep the capabilities ", hexadecimal(op.mask), " alone", op.but_for.empty() ? "" : ", but not ",
                       join(op.but_for, ", ")});
    }
    std::string operator()(const ExecuteProgram& op) const { return concat({"execute ", op.file}); }
};

}  // namespace

std::string describe(const Op& op) { return std::visit(Describer{}, op); }

std::string describe(const MountFlags& flags) {
    std::vector<std::string> words{flags.read_only ? "ro" : "rw"};
    if (flags.nosuid) {
        words.emplace_back("nosuid");
    }
    if (flags.nodev) {
        words.emplace_back("nodev");
    }
    if (flags.noexec) {
        words.emplace_back("noexec");
    }
    if (!flags.atime.empty()) {
        words.push_back(flags.atime);
    }
    return join(words, ",");
}

}  // namespace cginit
