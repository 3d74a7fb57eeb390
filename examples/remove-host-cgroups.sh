#!/bin/sh
# remove-host-cgroups.sh [ID...]: on the host, removes what containers that ran with cginit --allow-host-cgroup left
# there: the cgroups cginit-ID at the root of cgroup2 and of name=systemd. Without an ID all of them. One that still has
# a process in it stays, and the exit status is 1.
set -eu

[ "$(id -u)" = 0 ] || { echo "error: only root can remove cgroups" >&2; exit 1; }
if [ "$(readlink /proc/self/ns/cgroup)" != 'cgroup:[4026531835]' ]; then
    echo "error: this is not the host's cgroup namespace: run it on the host" >&2
    exit 1
fi
# What has to be mounted to be seen is mounted where nobody else sees it.
[ -n "${CGINIT_CLEANUP_NAMESPACE-}" ] || CGINIT_CLEANUP_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"

# mount_of FSTYPE [OPTION]: the first mount that shows the hierarchy's root.
# 30 24 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
mount_of() {
    awk -v type="$1" -v option="${2-}" '
        { for (i = 7; $i != "-"; i++); }
        $4 == "/" && $(i + 1) == type && (option == "" || index("," $(i + 3) ",", "," option ",")) { print $5; exit }
    ' /proc/self/mountinfo
}

status=0
remove_cgroup() {
    if [ -n "$(find "$1" -name cgroup.procs -exec cat {} +)" ]; then
        echo "$1 is in use" >&2
        status=1
    else
        find "$1" -depth -type d -exec rmdir {} +
        echo "removed $1"
    fi
}

# remove_below ROOT [ID...]
remove_below() {
    root=$1
    shift
    [ $# -gt 0 ] || set -- '*'
    for id; do
        # shellcheck disable=SC2231 # an asterisk stands for all
        for cgroup in "$root"/cginit-$id; do
            [ ! -d "$cgroup" ] || remove_cgroup "$cgroup"
        done
    done
}

v2=$(mount_of cgroup2)
tracking=$(mount_of cgroup name=systemd)
if [ -z "$v2" ] && grep -q '^0::' /proc/self/cgroup; then
    # Only where nobody uses it: a fresh mount resets the options of those that are there.
    v2=/mnt
    mount -t cgroup2 none "$v2"
fi
[ -z "$v2" ] || remove_below "$v2" "$@"
if [ -n "$tracking" ]; then
    remove_below "$tracking" "$@"
elif grep -q ':name=systemd:' /proc/self/cgroup; then
    mount -t tmpfs none /mnt
    mkdir /mnt/systemd
    mount_tracking() { mount -t cgroup -o none,name=systemd,xattr none /mnt/systemd; }
    mount_tracking
    remove_below /mnt/systemd "$@"
    others=$(find /mnt/systemd -mindepth 1 -type d)
    umount /mnt/systemd
    # The hierarchy ends with its last mount, but not before the kernel is done with the cgroups that were removed.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        if [ -n "$others" ] || ! grep -q ':name=systemd:' /proc/self/cgroup; then break; fi
        sleep 0.2
        mount_tracking
        umount /mnt/systemd
    done
fi
exit $status
