#!/bin/bash
# in-debian.sh NAME COMMAND...: runs a command with another Debian as its root file system, so that the engines of that Debian
# run on this machine, at native speed, beside its own. NAME is an image of make-image.sh.
#
# The root file system is entered by pivot_root(2) in a mount namespace of its own; what is written to it goes with the
# namespace. /dev, /proc, /sys, /var/tmp, this checkout and the cache are the machine's. CGINIT_IMAGES names a directory with
# the images that are made already, NAME.tar each: their recipes go by the machine's tools.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

[ $# -ge 2 ] || die "usage: in-debian.sh NAME COMMAND..."
need_root
name=$1
shift
if [ -z "${CGINIT_DEBIAN_NAMESPACE-}" ]; then
    tarball=$("$support_dir/make-image.sh" "$name")
    CGINIT_DEBIAN_NAMESPACE=$tarball exec unshare --mount --propagation private "$0" "$name" "$@"
fi
tarball=$CGINIT_DEBIAN_NAMESPACE
unset CGINIT_DEBIAN_NAMESPACE
checkout=$(cd "$support_dir/../.." && pwd -P)

for directory in "$checkout" "$cache_dir"; do
    [ "$directory" != / ] || die "not with / as the checkout or the cache: the other root file system would be covered by it"
done

unpack() {
    local old
    say "$name: unpacking its root file system" >&2
    for old in "${tarball%-*}"-*.root "${tarball%-*}"-*.root.part; do
        [ ! -d "$old" ] || flock --nonblock "${old%.part}.lock" rm -rf --one-file-system "$old" || true
    done
    rm -rf --one-file-system "$root.part"
    mkdir "$root.part"
    tar -C "$root.part" -xf "$tarball" --exclude='./dev/*'
    mv "$root.part" "$root"
}

# Unpacked once for each tarball, and never written to after that. Who runs in it holds a lock, against who has another recipe.
root=${tarball%.tar}.root
exec 9>"$root.lock"
flock --shared 9
while [ ! -d "$root" ]; do
    flock 9
    [ -d "$root" ] || unpack
    flock --shared 9
done

scratch=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work"
mount -t overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$root"
umount --lazy "$scratch"
rmdir "$scratch"
for directory in /sys /dev /proc; do
    mount --rbind "$directory" "$root$directory"
done
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for directory in /var/tmp "$checkout" "$cache_dir"; do
    mkdir -p "$root$directory"
    mount --bind "$directory" "$root$directory"
done
mkdir "$root/.old"
cd "$root"
pivot_root . .old
cd "$checkout"
umount --lazy /.old
rmdir /.old
# What hosts have. Only from here on do the links of this root file system lead into it.
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
: >/etc/resolv.conf
rm -f /etc/localtime
: >/etc/localtime
# Whose ids `podman run --userns=auto` takes.
echo 'containers:x:64901:64901::/:/usr/sbin/nologin' >>/etc/passwd
echo 'containers:x:64901:' >>/etc/group
echo 'containers:2000000000:1000000' | tee -a /etc/subuid >>/etc/subgid
# It may name a directory of the machine's.
unset TMPDIR
exec "$@"
