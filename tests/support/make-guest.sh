#!/bin/bash
# make-guest.sh: makes the machine that run-guest.py boots, from Debian's packages, and prints its directory: two kernels
# with their initrds, and a root file system that has systemd, Docker and Podman with the tests' images in their stores.
#
# It is kept in the cache and named after all that goes into it, like the images. What changes with every build, cginit
# above all, is not in it: run-guest.py hands that over.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR
. "$support_dir/debian.sh"

# The last kernel on which a v1 memory hierarchy can be flat, and that of the host's own Debian.
readonly kKernelSuites='bullseye bookworm'
readonly kPackages=systemd,systemd-sysv,dbus,udev,kmod,procps,iproute2,apparmor,busybox-static,docker.io,containerd,runc,crun,podman,conmon,uidmap,python3,python3-pytest
readonly kImages='busybox bookworm trixie newest'
# What waits, what talks, and what a machine without network, terminals and a clock of its own has no use for.
readonly kMasked='getty.target systemd-networkd.service systemd-timesyncd.service systemd-resolved.service
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service
    systemd-tmpfiles-clean.timer systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
    systemd-pstore.service systemd-journal-flush.service systemd-remount-fs.service systemd-binfmt.service
    podman.service podman.socket podman-restart.service podman-auto-update.service podman-auto-update.timer
    systemd-logind.service systemd-udev-trigger.service modprobe@.service kmod-static-nodes.service dev-hugepages.mount
    dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount sys-kernel-config.mount'

# Prints every file that is baked in, and the names of the images, each of which stands for a recipe.
ingredients() {
    (cd "$support_dir/.." &&
        find support/make-guest.sh support/debian.sh support/guest e2e/image e2e/harness/images.py -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum)
    basename -a "${tarballs[@]}"
}

# Unpacks the kernel of each suite into kernels/VERSION, such as kernels/6.1.
fetch_kernels() {
    local keyring address suite package version
    local apt=(-qq -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$work/apt/lists"
        -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false
        -o Acquire::Languages=none -o Acquire::Retries=3)
    keyring=$(archive_keyring)
    address=$(archive_address)
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    for suite in $kKernelSuites; do
        echo "deb [signed-by=$keyring] $address $suite main"
    done >"$work/apt/sources.list"
    apt-get "${apt[@]}" update
    # Depends: linux-image-6.1.0-35-cloud-amd64 (= 6.1.137-1)
    for package in $(apt-cache "${apt[@]}" show linux-image-cloud-amd64 |
        sed -n -E 's/^Depends: (linux-image-[0-9][^ ,]*).*/\1/p' | sort -u); do
        version=$(sed -E 's/^linux-image-([0-9]+\.[0-9]+).*/\1/' <<<"$package")
        (cd "$work/apt" && apt-get "${apt[@]}" download "$package")
        mkdir -p "$work/kernels/$version"
        dpkg-deb --extract "$work/apt/$package"_*.deb "$work/kernels/$version"
        cp "$work/kernels/$version"/boot/vmlinuz-* "$part/vmlinuz-$version"
        depmod --basedir "$work/kernels/$version" "$(ls "$work/kernels/$version/lib/modules")"
    done
}

# An initrd that finds the root file system, and no more.
make_initrd() { # VERSION
    local tree=$work/initrd-$1 module file release
    release=$(ls "$work/kernels/$1/lib/modules")
    mkdir -p "$tree"/{bin,proc,sys,dev,mnt,modules}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    install -m 755 "$support_dir/guest/initrd-init" "$tree/init"
    # insmod /lib/modules/.../virtio_ring.ko, in the order in which they have to be loaded; "builtin ext4" otherwise
    for module in virtio_pci virtio_blk crc32c_generic ext4; do
        modprobe --set-version "$release" --dirname "$work/kernels/$1" --show-depends "$module" | sed -n 's/^insmod //p'
    done | awk '!seen[$0]++' | while read -r file; do
        cp "$file" "$tree/modules/"
        basename "$file" >>"$tree/modules/order"
    done
    (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$part/initrd-$1"
}

make_tree() {
    local unit version name
    make_debian guest bookworm "$kPackages" "$tree"
    cp -r --no-preserve=ownership "$support_dir/guest/root/." "$tree/"
    for version in "$work"/kernels/*; do
        cp -r "$version/lib/modules" "$tree/lib/"
    done
    for unit in $kMasked; do
        ln -sf /dev/null "$tree/etc/systemd/system/$unit"
    done
    # Of programs that are not there, and long to load; the engines bring their own profiles.
    rm -f "$tree"/etc/apparmor.d/{lsb_release,nvidia_modprobe}
    # The tests start the engines themselves.
    rm -f "$tree"/etc/systemd/system/*.wants/{docker,containerd,docker.socket,dnsmasq}.*
    mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
    ln -s ../cginit-job.service "$tree/etc/systemd/system/multi-user.target.wants/"
    ln -sf /lib/systemd/system/multi-user.target "$tree/etc/systemd/system/default.target"
    echo guest >"$tree/etc/hostname"
    # An empty one would make the first boot ask who this is.
    echo 00000000000000000000000000c91017 >"$tree/etc/machine-id"
    mkdir "$tree/images"
    for name in $kImages; do
        PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 - "$support_dir/../e2e" "$name" "$tree/images/$name.tar" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from harness import images
images.build_image(sys.argv[2], sys.argv[3])
END
    done
}

make_guest() {
    local version step=$SECONDS tree=$work/tree
    timed() {
        "$@"
        echo "== $* took $((SECONDS - step)) s"
        step=$SECONDS
    }
    timed fetch_kernels
    for version in "$work"/kernels/*; do
        timed make_initrd "${version##*/}"
    done
    timed make_tree
    timed "$support_dir/guest/import-images.sh" "$tree"
    rm -rf --one-file-system "$tree/images"
    # Nothing of it has to survive a crash; what a guest writes goes to a snapshot anyway.
    timed mke2fs -q -t ext4 -O '^has_journal,^metadata_csum' -E lazy_itable_init=1,nodiscard -d "$tree" "$part/root.img" 6G
}

need_root
# Whatever is mounted below the tree goes with the namespace, and so it can be removed without a look at mounts.
if [ -z "${CGINIT_IMAGE_NAMESPACE-}" ]; then
    CGINIT_IMAGE_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
fi
guests=$cache_dir/guests
mkdir -p "$guests"
# shellcheck disable=SC2086
mapfile -t tarballs < <("$support_dir/make-image.sh" $kImages)
[ ${#tarballs[@]} = "$(wc -w <<<"$kImages")" ] || die "the images could not be made"
key=$(ingredients | sha256sum)
final=$guests/${key:0:12}
if [ ! -d "$final" ]; then
    # Whoever comes second waits and finds it.
    exec 9>"$guests/lock"
    flock 9
fi
if [ ! -d "$final" ]; then
    say "guest: making its kernels and its root file system" >&2
    work=$guests/.work part=$guests/.part log=$guests/log
    rm -rf --one-file-system "$work" "$part"
    mkdir "$work" "$part"
    # Not in a condition: the shell would go on after errors inside.
    (
        set -e
        make_guest
    ) >"$log" 2>&1 &
    wait $! || {
        tail -n 20 "$log" >&2
        die "the guest could not be made; all of its output is in $log"
    }
    rm -rf --one-file-system "$work" "$guests"/????????????
    mv "$part" "$final"
    say "guest: made in $SECONDS s, $(du -sh "$final" | cut -f 1)" >&2
fi
echo "$final"
