#include "advice/advice.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "cginit/plan.hpp"
#include "decide/obstacles.hpp"

namespace cginit {
namespace {

World world_with(const std::string& label, Tri seccomp, bool sys_admin = true, bool initial_user_namespace = true) {
    World world;
    world.security_label = label;
    world.seccomp_filter = seccomp;
    world.has_sys_admin = sys_admin;
    world.initial_user_namespace = initial_user_namespace;
    return world;
}

const World kPlain = world_with("unconfined", Tri::no);
const World kAppArmor = world_with("docker-default (enforce)", Tri::yes);
const World kSelinux = world_with("system_u:system_r:container_t:s0:c1,c2", Tri::yes);
const World kUserNamespace = world_with("", Tri::no, true, false);

/// `because: cure, or cure`, of the cures that can be had.
std::string said(const Hint& hint, const World& world) {
    return Error{}.with_hint({hint.code, hint.because, offered(hint.cures, world)}).message();
}

struct HintCase {
    const char* what;
    Op op;
    int errnum;
    World world;
    const char* start;
};

TEST(Hints, WhyAndWhatMendsIt) {
    const std::vector<HintCase> cases = {
        {"AppArmor", MountFilesystem{}, EACCES, kAppArmor,
         "AppArmor's profile docker-default (enforce) refuses it: add --security-opt apparmor=unconfined"},
        {"AppArmor, bind", BindMount{}, EACCES, kAppArmor, "AppArmor's profile"},
        {"AppArmor, remount", RemountBind{}, EACCES, kAppArmor, "AppArmor's profile"},
        {"AppArmor, move", MoveMount{}, EACCES, kAppArmor, "AppArmor's profile"},
        {"AppArmor, propagation", SetPropagation{}, EACCES, kAppArmor, "AppArmor's profile"},
        {"AppArmor, umount under podman's profile is EPERM", DetachMount{}, EPERM,
         world_with("containers-default-0.50.1 (enforce)", Tri::yes),
         "AppArmor's profile containers-default-0.50.1 (enforce)"},
        {"SELinux", MountFilesystem{}, EACCES, kSelinux,
         "SELinux (system_u:system_r:container_t:s0:c1,c2) refuses it: add --security-opt label=disable"},
        {"some module", MountFilesystem{}, EACCES, kPlain,
         "a security module refuses it: add --security-opt apparmor=unconfined"},
        {"no capability", MountFilesystem{}, EPERM, world_with("docker-default (enforce)", Tri::yes, false),
         "add --cap-add SYS_ADMIN"},
        {"no capability, unshare", UnshareCgroupNamespace{}, EPERM, world_with("", Tri::yes, false),
         "add --cap-add SYS_ADMIN"},
        {"seccomp", MountFilesystem{}, EPERM, world_with("unconfined", Tri::yes), "a seccomp filter refuses it"},
        {"seccomp, unshare", UnshareCgroupNamespace{}, EPERM, world_with("", Tri::yes), "a seccomp filter refuses it"},
        {"locked", MoveMount{}, EPERM, kPlain, "the mount is locked by a user namespace above"},
        {"old kernel", UnshareCgroupNamespace{}, EINVAL, kPlain,
         "this kernel has no cgroup namespaces: use --method=bind"},
        {"no seccomp filters", RehearseDropCapabilities{}, EINVAL, kPlain, "this kernel has no seccomp filters"},
        {"seccomp, capabilities", RehearseDropCapabilities{}, EPERM, kPlain,
         "a seccomp filter refuses it: add --security-opt seccomp=unconfined, or use a seccomp profile that allows "
         "prctl"},
        {"subset=pid", MountFilesystem{"tmpfs", kWorkbench, "", {}}, ENOENT, kPlain,
         "cginit works in /proc/driver: mount a proc file system of this container at /proc, without subset=pid"},
        {"seccomp, unmount", RehearseUnmount{}, EPERM, kPlain,
         "a seccomp filter refuses it: use a seccomp profile that allows umount2"},
        {"AppArmor, unmount", RehearseUnmount{}, EACCES, kAppArmor, "AppArmor's profile docker-default (enforce)"},
        {"shared parent", MoveMount{}, EINVAL, kPlain, "the mount above it is shared with another mount namespace"},
        {"unmapped owner", MakeCgroup{}, EACCES, kUserNamespace,
         "the container's cgroup belongs to a user that its user namespace does not map: leave the user namespace out"},
        {"unmapped owner, attach", MoveProcesses{}, EACCES, kUserNamespace, "the container's cgroup belongs to a user"},
    };
    for (const HintCase& c : cases) {
        EXPECT_EQ(said(hint_for(c.op, c.errnum, c.world), c.world).substr(0, std::string(c.start).size()), c.start)
            << c.what;
    }
}

/// Ubuntu's kernel.apparmor_restrict_unprivileged_userns=1 refuses the first mount in a user namespace to who is unconfined.
TEST(Hints, WhoIsUnconfinedIsNotToldToBeIt) {
    const Op first = MountFilesystem{"tmpfs", kWorkbench, "", {}};
    World world = world_with("unconfined", Tri::no, false);
    world.user_namespaces.possible = Tri::yes;
    for (const int errnum : {EACCES, EPERM}) {
        const Hint hint = hint_for(first, errnum, world);
        const std::string text = said(hint, world);
        EXPECT_EQ(hint.code, ErrorCode::apparmor);
        EXPECT_EQ(text.find("apparmor=unconfined"), std::string::npos) << text;
        for (const char* way : {"sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
                                "that profile loaded (examples/apparmor/cginit)", "--cap-add SYS_ADMIN"}) {
            EXPECT_NE(text.find(way), std::string::npos) << text;
        }
        EXPECT_EQ(text.find("seccomp"), std::string::npos) << text;
    }
    world.seccomp_filter = Tri::yes;
    EXPECT_EQ(hint_for(first, EPERM, world).cures.back(), Cure(CureId::no_seccomp)) << "it may be the filter";
    EXPECT_EQ(hint_for(MountFilesystem{}, EPERM, world).code, ErrorCode::seccomp) << "one mount was let through";
    world.has_sys_admin = true;
    EXPECT_EQ(hint_for(first, EPERM, world).code, ErrorCode::seccomp) << "no user namespace was made";
}

/// AppArmor's `userns,` since Linux 6.7, and SELinux' class user_namespace since 6.1.
TEST(Hints, AModuleRefusesUserNamespacesWithAnErrnoOfItsOwn) {
    World world = kAppArmor;
    world.seccomp_filter = Tri::yes;
    EXPECT_EQ(hint_for(UnshareUserNamespace{}, EACCES, world).code, ErrorCode::apparmor);
    EXPECT_EQ(hint_for(UnshareUserNamespace{}, EPERM, world).code, ErrorCode::seccomp);
}

/// Its policy decides on capabilities, too, and that is EPERM as of a filter: cred_has_capability(), security/selinux/hooks.c.
TEST(Hints, SelinuxDeniesCapabilitiesAsAFilterDoes) {
    World world = kSelinux;
    for (const Op& op : {Op(MountFilesystem{}), Op(UnshareCgroupNamespace{}), Op(UnshareUserNamespace{})}) {
        EXPECT_EQ(hint_for(op, EPERM, world).code, ErrorCode::selinux);
        EXPECT_EQ(hint_for(op, EPERM, world).cures, (Cures{CureId::no_selinux_other_filter, CureId::no_selinux}));
    }
    world.engine = Engine::podman;
    EXPECT_EQ(hint_for(MountFilesystem{}, EPERM, world).cures,
              (Cures{CureId::no_selinux, CureId::no_selinux_other_filter}))
        << "its filter permits mounts";
    world.seccomp_filter = Tri::no;
    EXPECT_EQ(hint_for(MountFilesystem{}, EPERM, world).cures, Cures{CureId::no_selinux});
    world.security_label = "system_u:system_r:spc_t:s0";
    EXPECT_EQ(hint_for(MoveMount{}, EPERM, world).code, ErrorCode::locked_mounts) << "that one may do anything";
}

/// The one thing that the boolean is for.
TEST(Hints, ABooleanPermitsContainersTheirCgroups) {
    for (const Op& op : {Op(MakeCgroup{}), Op(ProbeCgroup{}), Op(WriteCgroupFile{}), Op(MoveProcesses{})}) {
        const Hint hint = hint_for(op, EACCES, kSelinux);
        EXPECT_EQ(hint.code, ErrorCode::selinux);
        EXPECT_EQ(hint.cures, (Cures{CureId::selinux_boolean, CureId::no_selinux}));
    }
    EXPECT_EQ(hint_for(MountFilesystem{}, EACCES, kSelinux).cures, Cures{CureId::no_selinux}) << "of no use for mounts";
}

/// A cgroup that was not delegated says the same.
TEST(Hints, SelinuxMayRefuseARootlessContainerItsCgroup) {
    World world = kSelinux;
    world.initial_user_namespace = false;
    const Hint hint = hint_for(MakeCgroup{}, EACCES, world);
    EXPECT_EQ(hint.code, ErrorCode::not_delegated);
    ASSERT_GE(hint.cures.size(), 3U) << "the delegation comes first";
    EXPECT_EQ(Cures(hint.cures.end() - 2, hint.cures.end()), (Cures{CureId::selinux_boolean, CureId::no_selinux}));
    world.security_label = "unconfined";
    EXPECT_EQ(hint_for(MakeCgroup{}, EACCES, world).cures, delegation_cures(world));
}

TEST(Hints, WhoIsConfinedMayStaySo) {
    World world = kAppArmor;
    world.has_sys_admin = false;
    const std::string text = said(hint_for(MountFilesystem{}, EACCES, world), world);
    EXPECT_NE(text.find("apparmor=unconfined"), std::string::npos) << text;
    EXPECT_NE(text.find("--security-opt apparmor=cginit"), std::string::npos) << text;
    EXPECT_NE(text.find("examples/apparmor/cginit"), std::string::npos) << text;
    EXPECT_EQ(said(hint_for(MountFilesystem{}, EACCES, kAppArmor), kAppArmor),
              "AppArmor's profile docker-default (enforce) refuses it: add --security-opt apparmor=unconfined")
        << "with the capability that profile is no guard";
}

TEST(Hints, EachHasItsCode) {
    const auto code = [](const Op& op, int errnum, const World& world) { return hint_for(op, errnum, world).code; };
    EXPECT_EQ(code(MountFilesystem{}, EACCES, kAppArmor), ErrorCode::apparmor);
    EXPECT_EQ(code(MountFilesystem{}, EACCES, kSelinux), ErrorCode::selinux);
    EXPECT_EQ(code(MountFilesystem{}, EPERM, world_with("", Tri::yes, false)), ErrorCode::no_sys_admin);
    EXPECT_EQ(code(MountFilesystem{}, EPERM, world_with("", Tri::yes)), ErrorCode::seccomp);
    EXPECT_EQ(code(MoveMount{}, EPERM, kPlain), ErrorCode::locked_mounts);
    EXPECT_EQ(code(UnshareCgroupNamespace{}, EINVAL, kPlain), ErrorCode::no_cgroup_namespaces);
    EXPECT_EQ(code(RehearseDropCapabilities{}, EPERM, kPlain), ErrorCode::seccomp);
    EXPECT_EQ(code(MountFilesystem{"tmpfs", kWorkbench, "", {}}, ENOENT, kPlain), ErrorCode::no_proc);
    EXPECT_EQ(code(MoveMount{}, EINVAL, kPlain), ErrorCode::shared_parent);
    EXPECT_EQ(code(MakeCgroup{}, EACCES, kUserNamespace), ErrorCode::not_delegated);
    EXPECT_EQ(code(AssertNotRealRoot{"/a", true}, 0, kPlain), ErrorCode::host_root);
    EXPECT_EQ(code(AssertNotRealRoot{"/a", false}, 0, kPlain), ErrorCode::no_own_cgroup);
    EXPECT_EQ(code(AssertNoOutsiders{"/a"}, 0, kPlain), ErrorCode::no_own_cgroup);
    EXPECT_EQ(code(AssertUnpopulated{"/a"}, 0, kPlain), ErrorCode::host_root);
    EXPECT_EQ(code(BindMount{}, EINVAL, kPlain), ErrorCode::system_call);
}

TEST(Hints, ARootlessEngineHasNoCgroupToGive) {
    World world = kPlain;
    EXPECT_EQ(hint_for(AssertNotRealRoot{"/a", false}, 0, world).cures, Cures{CureId::own_cgroup});
    world.rootless = true;
    EXPECT_EQ(hint_for(AssertNotRealRoot{"/a", false}, 0, world).cures, Cures{CureId::rootful});
}

TEST(Hints, WhatIsNotAsAsserted) {
    EXPECT_EQ(hint_for(AssertNoOutsiders{"/a"}, 0, kPlain).cures, Cures{CureId::own_cgroup});
    EXPECT_EQ(hint_for(AssertUnpopulated{"/a"}, 0, kPlain).cures, Cures{CureId::host_cgroup_namespace});
}

TEST(Hints, NothingBeyondTheErrno) {
    const std::vector<HintCase> cases = {
        {"mkdir", MakeCgroup{}, EACCES, kPlain, ""},
        {"mkdir", MakeCgroup{}, EROFS, kUserNamespace, ""},
        {"fork", RehearseDropCapabilities{}, EAGAIN, kPlain, ""},
        {"mount", MountFilesystem{}, EBUSY, kPlain, ""},
        {"bind", BindMount{}, EINVAL, kPlain, ""},
        {"attach", MoveProcesses{}, EPERM, kPlain, ""},
        {"an assertion", AssertMember{}, 0, kAppArmor, ""},
    };
    for (const HintCase& c : cases) {
        EXPECT_EQ(hint_for(c.op, c.errnum, c.world), Hint{}) << c.what << " " << c.errnum;
    }
}

TEST(Hints, LimitsWhateverTheCall) {
    EXPECT_EQ(hint_for(EMFILE).cures, Cures{CureId::more_files});
    EXPECT_EQ(hint_for(ENFILE).code, ErrorCode::resources);
    EXPECT_EQ(hint_for(ENOMEM).code, ErrorCode::resources);
    EXPECT_EQ(hint_for(EPERM), Hint{});
}

TEST(Hints, EveryCureNamesSomethingToDo) {
    for (const World& world : {kPlain, kAppArmor, kSelinux, kUserNamespace}) {
        for (const int errnum : {EACCES, EPERM}) {
            EXPECT_FALSE(offered(hint_for(MountFilesystem{}, errnum, world).cures, world).empty());
        }
    }
}

}  // namespace
}  // namespace cginit
