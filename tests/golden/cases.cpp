#include <algorithm>
#include <cerrno>

#include "cginit/capture_facts.hpp"
#include "golden/replay.hpp"

namespace cginit {
namespace {

/// --cap-add SYS_ADMIN
void add_sys_admin(Snapshot& snapshot) { snapshot.status.effective_capabilities |= std::uint64_t{1} << 21U; }

/// A capture's mount ids are far below.
constexpr int kNewId = 9000;
constexpr int kNewPeerGroup = 500;

/// -v /sys/fs/cgroup:/sys/fs/cgroup:rshared: every mount of the view has peers on the host.
void share_view(Snapshot& snapshot) {
    std::uint32_t group = kNewPeerGroup;
    for (MountEntry& mount : snapshot.mounts) {
        if (mount.point.starts_with(kCgroupRoot)) {
            mount.propagation.shared = group++;
        }
    }
}

/// A volume with a copy of every cgroup mount: -v /sys:/host/sys.
void add_volume(Snapshot& snapshot, bool read_only) {
    const MountEntry* root = mount_holding(snapshot.mounts, "/host");
    MountEntry sys = *visible_mount_at(snapshot.mounts, "/sys");
    sys.id = kNewId;
    sys.parent = root->id;
    sys.point = "/host/sys";
    const MountTable before = snapshot.mounts;
    snapshot.mounts.push_back(sys);
    int id = kNewId;
    for (const MountEntry& mount : before) {
        if (mount.point.starts_with(kCgroupRoot)) {
            MountEntry copy = mount;
            copy.id = ++id;
            copy.parent = mount.point == kCgroupRoot ? kNewId : kNewId + 1;
            copy.point = "/host" + mount.point;
            copy.root = mount.fstype == "tmpfs" ? "/" : mount.root;
            copy.flags.read_only = read_only;
            snapshot.mounts.push_back(std::move(copy));
        }
    }
}

void add_ro_volume(Snapshot& snapshot) { add_volume(snapshot, true); }
void add_rw_volume(Snapshot& snapshot) { add_volume(snapshot, false); }

/// What a live /run, /run/lock and /tmp are in any image of Debian.
void add_places(Snapshot& snapshot) {
    snapshot.places = {
        {"/run", PlaceType::directory}, {"/run/lock", PlaceType::directory}, {"/tmp", PlaceType::directory}};
}

/// --privileged shows the host's terminals; here two of them, and a volume below /tmp.
void add_host_ttys(Snapshot& snapshot) {
    add_places(snapshot);
    snapshot.host_ttys = {"tty0", "tty1"};
    MountEntry volume = *mount_holding(snapshot.mounts, "/tmp");
    volume.parent = volume.id;
    volume.id = kNewId;
    volume.root = "/tmp/.X11-unix";
    volume.point = "/tmp/.X11-unix";
    snapshot.mounts.push_back(std::move(volume));
}

/// A seccomp filter that does, as Docker's.
void refuse_user_namespaces(Snapshot& snapshot) { snapshot.user_namespaces = {Tri::no, EPERM, Tri::yes}; }

/// runc made the mapped root the owner of what an owner hands over; and the engine mounted a tmpfs on /run.
void delegate(Snapshot& snapshot) {
    MountEntry run = *mount_holding(snapshot.mounts, "/run");
    run.parent = run.id;
    run.id = kNewId;
    run.root = "/";
    run.point = "/run";
    run.fstype = "tmpfs";
    snapshot.mounts.push_back(std::move(run));
    for (MountEntry& mount : snapshot.mounts) {
        mount.flags.read_only = mount.flags.read_only && mount.point != kCgroupRoot;
    }
    snapshot.directories[kCgroupRoot].delegated = Tri::yes;
}

Variant variant(const std::string& name) {
    Variant made;
    made.name = name;
    made.init = InitTraits{InitKind::systemd, 252, ""};
    return made;
}

/// A capture that says which init there was is replayed with that.
Variant default_of(const std::string& capture) {
    Variant made = variant("default");
    if (open_capture(capture).exists(kCaptureFacts)) {
        made.init.reset();
    }
    return made;
}

Variant with_method(const std::string& name, Method method) {
    Variant made = variant(name);
    made.options.method = method;
    return made;
}

/// One of each kind of view.
const std::vector<std::string> kRepresentatives = {
    "docker-comount-capsysadmin",
    "docker-unified-capsysadmin",
    "docker-unified-capsysadmin-cgroupns-host",
    "docker-usernsremap-hybrid-capsysadmin-cgroupns-private",
    "docker-v1-capsysadmin-cgroupns-private",
    "docker-v1hybrid-capsysadmin-volcgroup-rw",
    "host-hybrid-podman-nsprivate-sysadmin",
    "host-v1-docker-nsdefault-sysadmin-noapparmor",
    "host-v2-docker-nshost-sysadmin",
    "podman-v1-crun-capsysadmin-systemd-always",
};

std::vector<Variant> representative_variants() {
    Variant never = variant("inner-never");
    never.options.inner = Inner::never;
    Variant busybox = variant("busybox");
    busybox.init = InitTraits{InitKind::busybox, std::nullopt, ""};
    return {with_method("bind", Method::bind), never, busybox};
}

/// Views that were captured without the capability, and would be rebuilt with it.
const std::vector<std::string> kWithSysAdmin = {
    "docker-usernsremap-unified-default",
    "host-hybrid-docker-nsdefault-cgro",
    "host-hybrid-docker-nsprivate-cgro",
    "host-hybrid-podman-cgroups-disabled",
    "host-hybrid-podman-cgroups-split",
    "host-hybrid-podman-nshost-systemd-always",
    "host-hybrid-podman-rootless-systemd-always",
    "host-v1-docker-nsprivate-cgrw",
    "host-v1-podman-cgroups-disabled",
    "host-v1-podman-default",
    "host-v1-podman-systemd-always",
    "host-v2-docker-nshost-cgro",
    "host-v2-docker-nsprivate-cgrw",
    "host-v2-docker-remap-nshost",
    "host-v2-podman-cgroups-disabled",
    "host-v2-podman-nshost",
    "host-v2-podman-rootless-default",
    "host-v2-podman-systemd-always",
    "rootless-podman-unified-deleg-crun-default",
};

/// Options that only some views take.
std::vector<Case> special_cases() {
    Variant legacy = variant("layout-legacy");
    legacy.options.layout = Layout::legacy;
    Variant unified = variant("layout-unified");
    unified.options.layout = Layout::unified;
    Variant hybrid = variant("busybox-layout-hybrid");
    hybrid.init = InitTraits{InitKind::busybox, std::nullopt, ""};
    hybrid.options.layout = Layout::hybrid;
    Variant remount = with_method("remount-inner-never", Method::remount);
    remount.options.inner = Inner::never;
    Variant none = with_method("none-inner-never", Method::none);
    none.options.inner = Inner::never;
    Variant shared = variant("rshared");
    shared.change = share_view;
    Variant shared_bind = with_method("rshared-bind", Method::bind);
    shared_bind.change = share_view;
    Variant ro_volume = variant("volume-sys-ro");
    ro_volume.change = add_ro_volume;
    Variant rw_volume = variant("volume-sys-rw");
    rw_volume.change = add_rw_volume;
    Variant kept = variant("volume-sys-rw-kept");
    kept.change = add_rw_volume;
    kept.options.keep_mounts = {"/host/sys"};
    Variant no_tmpfs = variant("tmpfs-never");
    no_tmpfs.options.tmpfs.emplace();
    Variant places = variant("places");
    places.change = add_places;
    Variant ttys = variant("ttys");
    ttys.change = add_host_ttys;
    Variant keep = variant("keep");
    keep.change = add_host_ttys;
    keep.options.tmpfs.emplace();
    keep.options.sys = keep.options.propagation = keep.options.ttys = Expected::keep;
    Variant list = variant("busybox-tmpfs-list");
    list.init = InitTraits{InitKind::busybox, std::nullopt, ""};
    list.change = add_places;
    list.options.tmpfs = {"/run/lock", "/tmp"};
    Variant newest = variant("systemd-262");
    newest.init->version = 262;
    Variant newest_allowed = newest;
    newest_allowed.name = "systemd-262-host-cgroup";
    newest_allowed.options.allow_host_cgroup = true;
    Variant oldest_allowed = newest_allowed;
    oldest_allowed.name = "systemd-219-host-cgroup";
    oldest_allowed.init->version = 219;
    Variant unknown = variant("systemd-unknown");
    unknown.init = InitTraits{InitKind::systemd, std::nullopt, "", "none was given"};
    Variant delegated = variant("delegate-all");
    delegated.options.delegate = Delegate::all;
    Variant dockerd = variant("dockerd");
    dockerd.init = InitTraits{InitKind::dockerd, std::nullopt, ""};
    Variant tracking = variant("writable-tracking");
    tracking.options.writable = Writable::tracking;
    Variant listed = variant("writable-list");
    listed.options.writable = WordOrControllers<Writable>(std::vector<std::string>{"memory", "blkio", "io"});
    const Variant userns = with_method("userns", Method::userns);
    Variant no_userns = variant("no-userns");
    no_userns.change = refuse_user_namespaces;
    Variant delegated_by_engine = variant("delegated");
    delegated_by_engine.change = delegate;
    Variant dropping = variant("drop-cap");
    dropping.options.drop_capabilities = {"cap_sys_admin"};
    return {
        {"docker-unified-capsysadmin", list},
        {"docker-unified-privileged", keep},
        {"docker-unified-privileged", ttys},
        {"docker-v1-privileged", ttys},
        {"host-v2-docker-nsprivate-privileged", ttys},
        {"host-v2-docker-nsprivate-sysadmin", places},
        {"podman-unified-crun-capsysadmin", places},
        {"host-v1-docker-nsdefault-sysadmin-noapparmor", tracking},
        {"host-v1-docker-nsdefault-sysadmin-noapparmor", listed},
        {"host-v2-docker-nshost-sysadmin", tracking},
        {"host-v2-docker-nshost-sysadmin", listed},
        {"host-v2-docker-nshost-sysadmin", dropping},
        {"docker-v1hybrid-capsysadmin", newest},
        {"docker-v1hybrid-capsysadmin", unknown},
        {"docker-v1hybrid-capsysadmin", dockerd},
        {"docker-v1-capsysadmin", newest},
        {"docker-v1-capsysadmin", newest_allowed},
        {"docker-v1-capsysadmin-cgroupns-private", newest_allowed},
        {"docker-unified-capsysadmin", oldest_allowed},
        {"docker-unified-capsysadmin", unknown},
        {"docker-unified-capsysadmin-cgroupns-host", oldest_allowed},
        {"docker-unified-capsysadmin-cgroupns-host", delegated},
        {"docker-unified-capsysadmin", legacy},
        {"docker-unified-capsysadmin", with_method("none", Method::none)},
        {"docker-unified-capsysadmin", remount},
        {"docker-unified-capsysadmin-cgroupns-host", remount},
        {"docker-v1-capsysadmin-cgroupns-private", remount},
        {"docker-v1hybrid-capsysadmin", no_tmpfs},
        {"docker-v1hybrid-capsysadmin", unified},
        {"docker-v1hybrid-capsysadmin", hybrid},
        {"docker-v1hybrid-capsysadmin-volcgroup-rw", legacy},
        {"docker-v1hybrid-capsysadmin-volcgroup-rw", none},
        {"docker-v1hybrid-capsysadmin-volcgroup-rw", unified},
        {"docker-unified-capsysadmin", ro_volume},
        {"docker-unified-capsysadmin", rw_volume},
        {"docker-unified-capsysadmin", kept},
        {"docker-v1hybrid-capsysadmin-volcgroup-rw", shared},
        {"docker-v1hybrid-capsysadmin-volcgroup-rw", shared_bind},
        {"docker-v1hybrid-capsysadmin-volcgroup-rw", ro_volume},
        {"host-v2-docker-nshost-sysadmin", shared},
        {"podman-unified-crun-systemd-always", none},
        {"docker-comount-capsysadmin", userns},
        {"docker-unified-capsysadmin-cgroupns-host", userns},
        {"docker-usernsremap-hybrid-capsysadmin", userns},
        {"docker-v1hybrid-capsysadmin-user1000", userns},
        {"docker-v1hybrid-capsysadmin-volcgroup-rw", userns},
        {"docker-v1hybrid-default", newest},
        {"docker-v1hybrid-default", places},
        {"docker-v1hybrid-default", dockerd},
        {"docker-usernsremap-unified-default", delegated_by_engine},
        {"host-v2-docker-nsdefault-plain", dropping},
        {"host-v2-docker-nsdefault-plain", no_userns},
        {"host-v2-docker-nsdefault-plain", ro_volume},
        {"host-v2-docker-nsdefault-plain", rw_volume},
        {"rootless-podman-unified-deleg-crun-default", places},
        {"host-v2-podman-systemd-always", none},
        {"host-v2-no-container", dockerd},
        {"host-v2-session-own-mounts", dockerd},
    };
}

}  // namespace

std::vector<Case> cases() {
    std::vector<Case> all = special_cases();
    for (const std::string& capture : captures()) {
        all.push_back({capture, default_of(capture)});
    }
    for (const std::string& capture : kRepresentatives) {
        for (const Variant& other : representative_variants()) {
            all.push_back({capture, other});
        }
    }
    Variant capable = variant("with-sys-admin");
    capable.change = add_sys_admin;
    for (const std::string& capture : kWithSysAdmin) {
        all.push_back({capture, capable});
    }
    std::sort(all.begin(), all.end(), [](const Case& a, const Case& b) { return a.name() < b.name(); });
    return all;
}

}  // namespace cginit
