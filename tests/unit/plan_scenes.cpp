#include "unit/plan_scenes.hpp"

#include <algorithm>
#include <stdexcept>

#include "read/proc_files.hpp"

namespace cginit {
namespace {

const std::string kRoot =
    "140 121 0:42 / / rw,relatime master:5 - overlay overlay rw\n"
    "141 140 0:45 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
    "144 140 0:48 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro\n";

const std::string kTmpfs = "154 144 0:49 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755\n";

std::string v1_mount(int id, const std::string& root, const std::string& name, const std::string& options,
                     const std::string& flags = "ro,nosuid,nodev,noexec,relatime", const std::string& optional = "") {
    return std::to_string(id) + " 154 0:" + std::to_string(id) + " " + root + " /sys/fs/cgroup/" + name + " " + flags +
           " " + optional + "- cgroup cgroup rw," + options + "\n";
}

/// Docker's layout: the container's own cgroups, and `misc`, which old runc leaves at the host's root.
std::string v1_mounts(const std::string& root) {
    return kRoot + kTmpfs + v1_mount(155, root, "cpuset", "cpuset") + v1_mount(156, root, "memory", "memory") +
           v1_mount(157, root, "blkio", "blkio") + v1_mount(158, root, "systemd", "xattr,name=systemd");
}

std::string v1_cgroups(const std::string& path) {
    return "12:perf_event:/\n5:blkio:" + path + "\n4:memory:" + path + "\n3:cpuset:" + path +
           "\n1:name=systemd:" + path + "\n";
}

const std::string kComount = kRoot + kTmpfs + v1_mount(155, "/docker/c", "cpu,cpuacct", "cpu,cpuacct") +
                             v1_mount(156, "/docker/c", "net_cls,net_prio", "net_cls,net_prio") +
                             v1_mount(158, "/docker/c", "systemd", "xattr,name=systemd");

std::string unified_mount(const std::string& optional = "") {
    return kRoot + "145 144 0:38 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime " + optional +
           "- cgroup2 cgroup rw\n";
}

/// -v /sys/fs/cgroup:/sys/fs/cgroup:rshared: the host's own mounts, whole and with peers.
const std::string kWholeTree = kRoot +
                               "154 144 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755\n" +
                               v1_mount(155, "/", "cpuset", "cpuset", "rw,relatime", "shared:10 ") +
                               v1_mount(156, "/", "memory", "memory", "rw,relatime", "shared:11 master:3 ") +
                               v1_mount(158, "/", "systemd", "xattr,name=systemd", "rw,relatime", "shared:12 ");

/// podman --systemd=always: the host's root of name=systemd on top of the own cgroup, its release_agent covered.
const std::string kPodman = v1_mounts("/libpod/c") +
                            "170 158 0:158 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n"
                            "171 170 0:44 /null /sys/fs/cgroup/systemd/release_agent rw,nosuid - tmpfs tmpfs rw\n";

const std::string kRunMounts =
    "160 140 0:60 / /run/lock rw,nosuid,nodev - tmpfs tmpfs rw,size=5120k\n"
    "161 140 0:61 /token /run/secrets/token ro,relatime - tmpfs tmpfs rw\n"
    "162 140 0:62 / /run/a rw,relatime - tmpfs tmpfs rw\n"
    "163 162 0:63 / /run/a/b rw,relatime - tmpfs tmpfs rw\n"
    "164 140 0:64 / /running rw,relatime - tmpfs tmpfs rw\n";

const InitTraits kSystemd = {InitKind::systemd, 252, "/lib/systemd/systemd"};

Options with_method(Method method, Inner inner = Inner::automatic) {
    Options options = undelegated();
    options.method = method;
    options.inner = inner;
    return options;
}

Options with_kept(const std::string& path) {
    Options options = undelegated();
    options.keep_mounts = {path};
    return options;
}

/// What a second cginit finds: everything in the view was mounted by the first.
const std::string kOwnView =
    kRoot +
    "154 144 0:49 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - tmpfs cginit:[4026532499] rw,mode=755\n"
    "155 154 0:55 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime - cgroup cginit:[4026532499] rw,memory\n"
    "158 154 0:58 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime - cgroup cginit:[4026532499] "
    "rw,name=systemd\n";

std::string volume(int parent) {
    return "190 " + std::to_string(parent) +
           " 254:1 /volumes/v /sys/fs/cgroup rw,relatime master:5 - ext4 /dev/vda rw\n";
}

const std::string kElsewhere =
    "180 140 0:48 / /host/sys ro,relatime - sysfs sysfs rw\n"
    "181 180 0:38 / /host/sys/fs/cgroup ro,relatime shared:4 - cgroup2 cgroup2 rw\n";

const std::string kPrivateV1 = "5:blkio:/\n4:memory:/\n3:cpuset:/\n1:name=systemd:/\n";

void add_delegating(std::vector<Scene>& all) {
    Options two;
    two.delegate = WordOrControllers<Delegate>(std::vector<std::string>{"cpu", "memory"});
    Options bind;
    bind.method = Method::bind;
    all.push_back({"delegated-v1",
                   v1_mounts("/docker/c"),
                   v1_cgroups("/docker/c"),
                   kHostCgroupNamespace,
                   "6.1.0",
                   {InitKind::dockerd, std::nullopt, "/usr/bin/dockerd"},
                   {}});
    all.push_back({"delegated-v2",
                   unified_mount(),
                   "0::/docker/c\n",
                   kHostCgroupNamespace,
                   "6.1.0",
                   {InitKind::busybox, std::nullopt, "/bin/busybox"},
                   two});
    all.push_back({"delegated-bind",
                   unified_mount(),
                   "0::/docker/c\n",
                   kHostCgroupNamespace,
                   "6.1.0",
                   {InitKind::busybox, std::nullopt, "/bin/busybox"},
                   bind});
}

void add_user_namespaces(std::vector<Scene>& all) {
    const Options userns = with_method(Method::userns);
    all.push_back({"userns-v1", v1_mounts("/docker/c") + kRunMounts, v1_cgroups("/docker/c"), kHostCgroupNamespace,
                   "6.1.0", kSystemd, userns});
    all.push_back({"userns-v2", unified_mount(), "0::/\n", kOwnCgroupNamespace, "6.1.0", kSystemd, userns});
    // Peers are cut off by the kernel and not by the plan: here are none, so that nothing differs after a roll-back.
    std::string elsewhere = kElsewhere;
    elsewhere.erase(elsewhere.find("shared:4 "), 9);
    all.push_back({"userns-elsewhere",
                   unified_mount() + elsewhere,
                   "0::/docker/c\n",
                   kHostCgroupNamespace,
                   "6.1.0",
                   {InitKind::busybox, std::nullopt, "/bin/busybox"},
                   userns});
}

void add_host_cgroups(std::vector<Scene>& all) {
    Options allowed;
    allowed.allow_host_cgroup = true;
    const std::string own = "/docker/" + std::string(64, 'a');
    const InitTraits newest = {InitKind::systemd, 262, "/lib/systemd/systemd"};
    const InitTraits oldest = {InitKind::systemd, 219, "/lib/systemd/systemd"};
    all.push_back(
        {"host-v2", v1_mounts(own), v1_cgroups(own) + "0::/\n", kHostCgroupNamespace, "6.1.0", newest, allowed});
    all.push_back({"host-v2-unknown",
                   v1_mounts("/") + "170 140 0:70 /containers/" + std::string(64, 'a') +
                       "/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw\n",
                   kPrivateV1 + "0::/\n", kOwnCgroupNamespace, "6.1.0", newest, allowed});
    all.push_back({"tracking", unified_mount(), "0::" + own + "\n", kHostCgroupNamespace, "6.1.0", oldest, allowed});
    all.push_back({"tracking-there", unified_mount(), "1:name=systemd:/\n0::" + own + "\n", kHostCgroupNamespace,
                   "6.1.0", oldest, allowed});
    all.push_back(
        {"added-v2", v1_mounts(own), v1_cgroups(own) + "0::" + own + "\n", kHostCgroupNamespace, "6.1.0", kSystemd});
    all.push_back({"added-v2-unknown", v1_mounts("/"), kPrivateV1 + "0::/\n", kOwnCgroupNamespace, "6.1.0", kSystemd});
}

/// docker run --privileged with a volume below /tmp, everything reachable by peers.
Scene privileged_scene() {
    Scene made;
    made.name = "privileged";
    made.mountinfo =
        "140 121 0:42 / / rw,relatime shared:1 master:5 - overlay overlay rw\n"
        "141 140 0:45 / /proc rw,nosuid,nodev,noexec,relatime shared:2 - proc proc rw\n"
        "142 140 0:46 / /dev rw,nosuid shared:3 - tmpfs tmpfs rw,mode=755\n"
        "143 142 0:47 / /dev/pts rw,nosuid,noexec - devpts devpts rw\n"
        "144 140 0:48 / /sys rw,nosuid,nodev,noexec,relatime - sysfs sysfs rw\n"
        "145 144 0:38 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n"
        "146 142 0:49 / /dev/tty2 rw - devpts devpts rw\n"
        "147 140 0:50 / /tmp/.X11-unix rw - ext4 /dev/vda rw\n";
    made.cgroups = "0::/\n";
    made.cgroup_namespace = kOwnCgroupNamespace;
    made.init = kSystemd;
    made.places = {{"/run", PlaceType::directory}, {"/run/lock", PlaceType::absent}, {"/tmp", PlaceType::directory}};
    made.host_ttys = {"tty0", "tty1", "tty2"};
    return made;
}

std::vector<Scene> make_scenes() {
    const std::string hybrid =
        v1_mounts("/") + "159 154 0:38 / /sys/fs/cgroup/unified ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n";
    const std::string misc = v1_mount(159, "/", "misc", "misc");
    std::vector<Scene> all;
    all.push_back({"v1-host", v1_mounts("/docker/c") + misc, v1_cgroups("/docker/c") + "13:misc:/\n0::/\n"});
    all.push_back({"v1-private", v1_mounts("/"), kPrivateV1, kOwnCgroupNamespace});
    all.push_back(
        {"v1-comount", kComount, "3:net_cls,net_prio:/docker/c\n2:cpu,cpuacct:/docker/c\n1:name=systemd:/docker/c\n"});
    all.push_back({"v1-bind",
                   v1_mounts("/docker/c"),
                   v1_cgroups("/docker/c"),
                   kHostCgroupNamespace,
                   "3.10.0-1160.el7",
                   {},
                   with_method(Method::bind)});
    all.push_back({"v1-bind-no-inner",
                   v1_mounts("/docker/c"),
                   v1_cgroups("/docker/c"),
                   kHostCgroupNamespace,
                   "6.1.0",
                   {},
                   with_method(Method::bind, Inner::never)});
    all.push_back({"v1-no-inner",
                   v1_mounts("/docker/c"),
                   v1_cgroups("/docker/c"),
                   kHostCgroupNamespace,
                   "6.1.0",
                   {},
                   with_method(Method::name_space, Inner::never)});
    all.push_back({"v1-systemd", v1_mounts("/docker/c") + kRunMounts, v1_cgroups("/docker/c"), kHostCgroupNamespace,
                   "6.1.0", kSystemd});
    all.push_back({"hybrid", hybrid, kPrivateV1 + "0::/\n", kOwnCgroupNamespace});
    all.push_back({"unified-private", unified_mount(), "0::/\n", kOwnCgroupNamespace});
    all.push_back({"unified-host", unified_mount(), "0::/docker/c\n"});
    all.push_back({"unified-shared", unified_mount("shared:7 "), "0::/docker/c\n"});
    std::string parent_shared = unified_mount();
    parent_shared.replace(parent_shared.find("relatime - sysfs"), 8, "relatime shared:8");
    all.push_back({"parent-shared", parent_shared, "0::/docker/c\n"});
    all.push_back({"unified-bind",
                   unified_mount(),
                   "0::/docker/c\n",
                   kHostCgroupNamespace,
                   "6.1.0",
                   {},
                   with_method(Method::bind)});
    all.push_back(
        {"whole-tree-shared", kWholeTree, "4:memory:/docker/c\n3:cpuset:/docker/c\n1:name=systemd:/docker/c\n"});
    all.push_back({"podman-stacked", kPodman, v1_cgroups("/libpod/c")});
    all.push_back({"root-stacked", unified_mount() + "190 145 0:38 / /sys/fs/cgroup ro,relatime - cgroup2 cgroup rw\n",
                   "0::/docker/c\n"});
    // An image's VOLUME /sys/fs/cgroup; LXC, which leaves mounting to the init.
    all.push_back({"volume-over-v2", unified_mount() + volume(145), "0::/docker/c\n"});
    all.push_back({"volume-for-v2", kRoot + volume(144), "0::/\n", kOwnCgroupNamespace});
    all.push_back({"volume-for-v1", kRoot + volume(144), v1_cgroups("/docker/c")});
    all.push_back({"nothing-on-v1", kRoot, kPrivateV1, kOwnCgroupNamespace});
    all.push_back({"nothing-on-v1-userns",
                   kRoot + volume(144),
                   kPrivateV1,
                   kOwnCgroupNamespace,
                   "6.1.0",
                   {},
                   with_method(Method::userns)});
    all.push_back({"elsewhere", unified_mount() + kElsewhere, "0::/docker/c\n"});
    all.push_back({"elsewhere-kept",
                   unified_mount() + kElsewhere,
                   "0::/docker/c\n",
                   kHostCgroupNamespace,
                   "6.1.0",
                   {},
                   with_kept("/host")});
    all.push_back({"unknown", v1_mounts("/"), kPrivateV1, 0, "4.15.0-20"});
    all.push_back({"unknown-v2", unified_mount(), "0::/\n", 0});
    all.push_back({"remount",
                   unified_mount(),
                   "0::/\n",
                   kOwnCgroupNamespace,
                   "6.1.0",
                   {},
                   with_method(Method::remount, Inner::never)});
    all.push_back({"none", kOwnView, "4:memory:/\n1:name=systemd:/\n", kOwnCgroupNamespace});
    all.push_back({"none-run", kOwnView, "4:memory:/\n1:name=systemd:/\n", kOwnCgroupNamespace, "6.1.0", kSystemd});
    add_user_namespaces(all);
    add_delegating(all);
    add_host_cgroups(all);
    std::string shared_root = kOwnView;
    shared_root.replace(shared_root.find("master:5"), 8, "shared:1 master:5");
    all.push_back(
        {"none-run-shared", shared_root, "4:memory:/\n1:name=systemd:/\n", kOwnCgroupNamespace, "6.1.0", kSystemd});
    all.push_back(privileged_scene());
    return all;
}

}  // namespace

Options undelegated() {
    Options options;
    options.delegate = Delegate::none;
    return options;
}

const std::vector<Scene>& scenes() {
    static const std::vector<Scene> all = make_scenes();
    return all;
}

const Scene& scene(const std::string& name) {
    const auto found =
        std::find_if(scenes().begin(), scenes().end(), [&name](const Scene& scene) { return scene.name == name; });
    if (found == scenes().end()) {
        throw std::runtime_error("no scene " + name);
    }
    return *found;
}

World world_of(const Scene& scene) {
    const auto mounts = parse_mountinfo(scene.mountinfo, "mountinfo");
    const auto cgroups = parse_proc_cgroup(scene.cgroups, "cgroup");
    if (!mounts || !cgroups) {
        throw std::runtime_error(scene.name + ": " + (mounts ? cgroups.error() : mounts.error()).message());
    }
    Snapshot snapshot;
    snapshot.mounts = *mounts;
    snapshot.cgroups = *cgroups;
    snapshot.status.effective_capabilities = ~std::uint64_t{0};
    snapshot.status.bounding_capabilities = 0xa80425fb;
    snapshot.uid_map = "         0          0 4294967295";
    snapshot.gid_map = snapshot.uid_map;
    if (scene.cgroup_namespace != 0) {
        snapshot.namespaces = {{"cgroup", scene.cgroup_namespace}, {"mnt", 4026532600}, {"pid", 4026532499}};
        for (const MountEntry& mount : snapshot.mounts) {
            snapshot.directories[mount.point] = {.has_release_agent = Tri::no,
                                                 .has_parent_files = Tri::yes,
                                                 .memory_hierarchical = Tri::yes,
                                                 .outsiders = Tri::no};
        }
    }
    snapshot.kernel_release = scene.kernel_release;
    snapshot.init = scene.init;
    snapshot.places = scene.places;
    snapshot.host_ttys = scene.host_ttys;
    return classify(snapshot);
}

Planned plan_of(const Scene& scene) {
    return plan_of(scene, [](World&, Decision&) {});
}

Planned plan_of(const Scene& scene, const std::function<void(World&, Decision&)>& change) {
    Planned planned;
    planned.world = world_of(scene);
    Result<Decision> decision = decide(planned.world, scene.options);
    if (!decision) {
        throw std::runtime_error(scene.name + ": " + decision.error().message());
    }
    planned.decision = *decision;
    change(planned.world, planned.decision);
    planned.plan = make_plan(planned.world, planned.decision);
    return planned;
}

std::vector<std::string> op_lines(const Plan& plan) {
    std::vector<std::string> lines;
    for (const Step& step : plan.steps) {
        lines.push_back(describe(step.op));
    }
    return lines;
}

std::size_t find_line(const std::vector<std::string>& lines, const std::string& text) {
    const auto found = std::find_if(lines.begin(), lines.end(),
                                    [&text](const std::string& line) { return line.find(text) != std::string::npos; });
    return found == lines.end() ? std::string::npos : static_cast<std::size_t>(found - lines.begin());
}

}  // namespace cginit
