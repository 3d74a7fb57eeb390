#include "core/path.hpp"
#include "core/text.hpp"
#include "plan/builder.hpp"

namespace cginit {
namespace {

/// systemd's own limits for a /dev (TMPFS_LIMITS_DEV).
constexpr const char* kDevLimits = "mode=755,size=4m,nr_inodes=64k";
constexpr const char* kTtysStay = "the host's terminals stay in sight, since /dev cannot be overlaid";

OrElse leave_dev() { return {{}, {{PartKind::ttys}}, kTtysStay}; }

void add_dev_step(PlanBuilder& builder, Op op, const char* why) {
    builder.add(Phase::prepare, std::move(op), why, kGoneWithWorkbench).parts = {{PartKind::ttys}};
}

/// What is done to a node in the engine's /dev may be done to the host's: whiteouts in a layer of our own hide it.
void add_layer(PlanBuilder& builder, const std::string& layer) {
    add_dev_step(builder, MakeDirectory{layer}, "a place for what differs from the engine's /dev");
    add_dev_step(builder, MountFilesystem{"tmpfs", layer, kDevLimits, {.nosuid = true, .nodev = true, .noexec = true}},
                 "holds it");
    for (const char* name : {"upper", "work"}) {
        add_dev_step(builder, MakeDirectory{join_path(layer, name)}, "overlayfs needs it");
    }
    for (const std::string& tty : builder.decision().ttys) {
        const std::string whiteout = join_path(join_path(layer, "upper"), tty);
        add_dev_step(builder, MakeWhiteout{whiteout}, "a terminal of the host");
        builder.last().or_else = leave_dev();
    }
}

}  // namespace

void plan_dev(PlanBuilder& builder) {
    if (!builder.decision().hide_ttys.taken) {
        return;
    }
    const std::string layer = join_path(kWorkbench, "layer");
    const std::string stage = join_path(kWorkbench, "dev");
    add_layer(builder, layer);
    add_dev_step(builder, MakeDirectory{stage}, "a place to build /dev aside");
    const MountEntry* engine = visible_mount_at(builder.world().mounts, "/dev");
    const MountFlags flags = engine == nullptr ? MountFlags{.nosuid = true} : engine->flags;
    const std::string options =
        concat({"lowerdir=/dev,upperdir=", join_path(layer, "upper"), ",workdir=", join_path(layer, "work")});
    add_dev_step(builder, MountFilesystem{"overlay", stage, options, flags}, "the engine's /dev but for the terminals");
    builder.last().or_else = leave_dev();
}

void plan_dev_aside(PlanBuilder& builder) {
    if (!builder.decision().hide_ttys.taken || visible_mount_at(builder.world().mounts, "/dev") == nullptr) {
        return;
    }
    const std::string place = join_path(kWorkbench, "old-dev");
    builder.add(Phase::aside, MakeDirectory{place}, "a place for the engine's /dev", kGoneWithWorkbench).parts = {
        {PartKind::ttys}};
    builder
        .add(Phase::aside, MoveMount{"/dev", place}, "keep the engine's /dev until all is proved",
             MoveMount{place, "/dev"})
        .parts = {{PartKind::ttys}};
}

void plan_sys(PlanBuilder& builder) {
    const Measure& measure = builder.decision().sys_read_only;
    if (!measure.taken) {
        return;
    }
    const MountFlags before = visible_mount_at(builder.world().mounts, "/sys")->flags;
    MountFlags sealed = before;
    sealed.read_only = true;
    // The mount and not its superblock, which may be the host's.
    builder.add(Phase::switch_, RemountBind{"/sys", sealed}, measure.reason, RemountBind{"/sys", before});
    builder.last().parts = {{PartKind::sys}};
    builder.last().or_else =
        OrElse{{}, {{PartKind::sys}}, "/sys stays writable, and systemd may manage the host's devices"};
}

void plan_share(PlanBuilder& builder) {
    const Measure& measure = builder.decision().share_tree;
    if (measure.taken) {
        builder
            .add(Phase::commit, SetPropagation{"/", PropagationType::shared, true}, measure.reason,
                 "the last step of all")
            .or_else = OrElse{{}, {{PartKind::share}}, "the mount tree could not be made shared as systemd expects it"};
    }
}

}  // namespace cginit
