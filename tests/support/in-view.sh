#!/bin/bash
# in-view.sh VIEW COMMAND...: runs a command in a mount namespace of its own where /sys/fs/cgroup looks like that of
# another kind of host. The machine's own mounts are never touched, and the kernel's hierarchies only as far as noted.
#
#   hybrid    what a hybrid host has: v1 hierarchies, and cgroup2 on /sys/fs/cgroup/unified
#   v1        the same without cgroup2
#   comount   v1 with controllers that share a hierarchy: net_cls,net_prio (made for the time of the view, like
#             perf_event, if the machine has none)
#   unified   cgroup2 on /sys/fs/cgroup
#
# The hierarchies are binds of what the machine has mounted already: a fresh mount of cgroup2 in the initial cgroup namespace
# would overwrite nsdelegate for the whole machine.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

[ $# -ge 2 ] || die "usage: in-view.sh hybrid|v1|comount|unified COMMAND..."
if [ -z "${CGINIT_VIEW_NAMESPACE-}" ]; then
    need_root
    CGINIT_VIEW_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
fi
unset CGINIT_VIEW_NAMESPACE
view=$1
shift

readonly kTree=/sys/fs/cgroup
readonly kOptions=rw,nosuid,nodev,noexec,relatime

# The mount points below /sys/fs/cgroup of one file system type: cgroup or cgroup2.
# 32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
mounts_of() {
    awk -v type="$1" -v tree="$kTree" '{
        for (i = 7; $i != "-"; i++) ;
        if ($(i + 1) == type && ($5 == tree || index($5, tree "/") == 1)) print $5
    }' /proc/self/mountinfo
}

v2=$(mounts_of cgroup2 | head -n 1)
v1=$(mounts_of cgroup)
stage=$(mktemp -d)

# A tmpfs of the view's own: the machine's is out of reach of a container that is given the tree writable.
stage_v1() {
    local point
    [ -n "$v1" ] || die "this machine has no v1 hierarchies"
    mount -t tmpfs -o "$kOptions,mode=755" tmpfs "$stage"
    for point in $v1; do
        mkdir "$stage/${point##*/}"
        mount --bind "$point" "$stage/${point##*/}"
    done
}

case $view in
    hybrid)
        [ -n "$v2" ] || die "this machine has no cgroup2 mount"
        stage_v1
        mkdir "$stage/unified"
        mount --bind "$v2" "$stage/unified"
        ;;
    v1) stage_v1 ;;
    comount)
        stage_v1
        for set in net_cls,net_prio perf_event; do
            [ ! -d "$stage/$set" ] || continue
            mkdir "$stage/$set"
            mount -t cgroup -o "$kOptions,$set" cgroup "$stage/$set"
        done
        for link in net_cls net_prio; do
            [ -e "$stage/$link" ] || ln -s net_cls,net_prio "$stage/$link"
        done
        # As systemd leaves it.
        mount -o remount,ro "$stage"
        ;;
    unified)
        [ -n "$v2" ] || die "this machine has no cgroup2 mount"
        mount --bind "$v2" "$stage"
        ;;
    *) die "no such view: $view" ;;
esac
umount --recursive --lazy "$kTree"
mount --move "$stage" "$kTree"
rmdir "$stage"
# As systemd leaves it on a real host: a container's bind of the tree can then be rshared.
mount --make-rshared /
exec "$@"
