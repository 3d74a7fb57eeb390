#!/bin/bash
# make-guest.sh NAME: makes a machine that run-guest.py boots, from Debian's packages, and prints its directory: kernels
# with their initrds, each named after its suite, and a root file system that has systemd, Docker and Podman with the tests'
# images in their stores.
#
# It is kept in the cache and named after all that goes into it, like the images. What changes with every build, cginit
# above all, is not in it: run-guest.py hands that over.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR
. "$support_dir/debian.sh"

kPackages=systemd,systemd-sysv,dbus,udev,kmod,procps,iproute2,apparmor,busybox-static,docker.io,containerd,runc,crun,podman
kPackages+=,conmon,uidmap,python3,python3-pytest

# NAME SUITES KERNELS PACKAGES, one line per guest; SUITES is make_debian's. stable: the last kernel on which a v1 memory
# hierarchy can be flat, and that of the host's own Debian.
readonly kGuests="
stable    bookworm    bullseye+bookworm    $kPackages
today     forky|sid   forky                $kPackages,docker-cli,netavark,passt
selinux   forky|sid   forky                $kPackages,docker-cli,netavark,passt,selinux-policy-default,policycoreutils
"
readonly kImages='busybox bookworm trixie newest'
# What waits, what talks, and what a machine without network, terminals and a clock of its own has no use for.
readonly kMasked='getty.target systemd-networkd.service systemd-timesyncd.service systemd-resolved.service
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service
    systemd-tmpfiles-clean.timer systemd-random-seed.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
    systemd-pstore.service systemd-journal-flush.service systemd-remount-fs.service systemd-binfmt.service
    podman.service podman.socket podman-restart.service podman-auto-update.service podman-auto-update.timer
    netavark-dhcp-proxy.service netavark-dhcp-proxy.socket
    systemd-logind.service systemd-udev-trigger.service modprobe@.service kmod-static-nodes.service dev-hugepages.mount
    dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount sys-kernel-config.mount'

# Prints the guest's line, every file that is baked in, and the names of the images, each of which stands for a recipe.
ingredients() {
    echo "$name $suites ${kernels[*]} $packages"
    (cd "$support_dir/.." &&
        find support/make-guest.sh support/debian.sh support/guest e2e/image e2e/harness/images.py -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum)
    basename -a "${tarballs[@]}"
}

# Unpacks the kernel of each suite into kernels/SUITE.
fetch_kernels() {
    local keyring address suite apt tree debs deb image
    keyring=$(archive_keyring)
    address=$(archive_address)
    for suite in "${kernels[@]}"; do
        tree=$work/kernels/$suite
        mkdir -p "$tree" "$work/apt/$suite"/{lists/partial,cache/archives/partial}
        echo "deb [signed-by=$keyring] $address $suite main" >"$work/apt/$suite/sources.list"
        apt=(-qq -o Dir::Etc::SourceList="$work/apt/$suite/sources.list" -o Dir::Etc::SourceParts=-
            -o Dir::State::Lists="$work/apt/$suite/lists" -o Dir::Cache="$work/apt/$suite/cache" -o APT::Sandbox::User=root
            -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o Acquire::Retries=3)
        apt-get "${apt[@]}" update
        # One package, such as linux-image-6.1.0-35-cloud-amd64, or a few of the same version.
        mapfile -t debs < <(apt-cache "${apt[@]}" depends --recurse --important linux-image-cloud-amd64 |
            grep -E '^linux-(image|base|binary|modules)-[0-9]')
        (cd "$work/apt/$suite" && apt-get "${apt[@]}" download "${debs[@]}")
        for deb in "$work/apt/$suite"/*.deb; do
            dpkg-deb --extract "$deb" "$tree"
        done
        # Newer packages have /usr/lib alone, and the kernel itself beside its modules.
        [ -e "$tree/lib" ] || ln -s usr/lib "$tree/lib"
        image=$(find "$tree" -name 'vmlinuz*')
        cp "$image" "$part/vmlinuz-$suite"
        depmod --basedir "$tree" "$(ls "$tree/lib/modules")"
    done
}

# An initrd that finds the root file system, and no more.
make_initrd() { # SUITE
    local tree=$work/initrd-$1 module file release
    release=$(ls "$work/kernels/$1/lib/modules")
    mkdir -p "$tree"/{bin,proc,sys,dev,mnt,modules}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    install -m 755 "$support_dir/guest/initrd-init" "$tree/init"
    # insmod /lib/modules/.../virtio_ring.ko, in the order in which they have to be loaded; "builtin ext4" otherwise
    for module in virtio_pci virtio_blk crc32c_generic ext4; do
        # What ext4 asks for by name, until it became a part of the kernel.
        [ "$module" != crc32c_generic ] || grep -q "/$module.ko" "$work/kernels/$1/lib/modules/$release/modules.dep" || continue
        modprobe --set-version "$release" --dirname "$work/kernels/$1" --show-depends "$module" | sed -n 's/^insmod //p'
    done | awk '!seen[$0]++' | while read -r file; do
        case $file in
            # busybox reads no compressed ones.
            *.xz) xz --decompress --stdout "$file" >"$tree/modules/$(basename "$file" .xz)" ;;
            *) cp "$file" "$tree/modules/" ;;
        esac
        basename "$file" .xz >>"$tree/modules/order"
    done
    (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$part/initrd-$1"
}

make_tree() {
    local unit kernel image profile program
    make_debian "$tree" "$name" "$suites" "$packages"
    cp -r --no-preserve=ownership "$support_dir/guest/root/." "$tree/"
    for kernel in "${kernels[@]}"; do
        cp -r "$work/kernels/$kernel/lib/modules" "$tree/lib/"
    done
    for unit in $kMasked; do
        ln -sf /dev/null "$tree/etc/systemd/system/$unit"
    done
    # Those of programs that are not there are long to load; runc, usr.bin.passt.
    for profile in "$tree"/etc/apparmor.d/*; do
        program=${profile##*[/.]}
        [ ! -f "$profile" ] || [ -e "$tree/usr/bin/$program" ] || [ -e "$tree/usr/sbin/$program" ] || rm "$profile"
    done
    # The tests start the engines themselves.
    rm -f "$tree"/etc/systemd/system/*.wants/{docker,containerd,docker.socket,dnsmasq}.*
    mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
    ln -s ../cginit-job.service "$tree/etc/systemd/system/multi-user.target.wants/"
    ln -sf /lib/systemd/system/multi-user.target "$tree/etc/systemd/system/default.target"
    echo guest >"$tree/etc/hostname"
    # An empty one would make the first boot ask who this is.
    echo 00000000000000000000000000c91017 >"$tree/etc/machine-id"
    mkdir "$tree/images"
    for image in $kImages; do
        PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 - "$support_dir/../e2e" "$image" "$tree/images/$image.tar" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from harness import images
images.build_image(sys.argv[2], sys.argv[3])
END
    done
}

make_guest() {
    local kernel step=$SECONDS tree=$work/tree
    timed() {
        "$@"
        echo "== $* took $((SECONDS - step)) s"
        step=$SECONDS
    }
    timed fetch_kernels
    for kernel in "${kernels[@]}"; do
        timed make_initrd "$kernel"
    done
    timed make_tree
    timed "$support_dir/guest/import-images.sh" "$tree"
    rm -rf --one-file-system "$tree/images"
    # What a host's first boot does, which is long.
    [ ! -d "$tree/etc/selinux/default" ] ||
        timed chroot "$tree" setfiles -F /etc/selinux/default/contexts/files/file_contexts /
    # Nothing of it has to survive a crash; what a guest writes goes to a snapshot anyway.
    timed mke2fs -q -t ext4 -O '^has_journal,^metadata_csum' -E lazy_itable_init=1,nodiscard -d "$tree" "$part/root.img" 6G
}

[ $# = 1 ] || die "usage: make-guest.sh NAME" "names: $(awk 'NF { printf "%s ", $1 }' <<<"$kGuests")"
name=$1
read -r suites kernels packages < <(awk -v name="$name" '$1 == name { print $2, $3, $4 }' <<<"$kGuests") ||
    die "no recipe for a guest called $name"
IFS=+ read -r -a kernels <<<"$kernels"
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
final=$guests/$name-${key:0:12}
if [ ! -d "$final" ]; then
    # Whoever comes second waits and finds it.
    exec 9>"$guests/$name.lock"
    flock 9
fi
if [ ! -d "$final" ]; then
    say "$name guest: making its kernels and its root file system" >&2
    work=$guests/.$name.work part=$guests/.$name.part log=$guests/$name.log
    rm -rf --one-file-system "$work" "$part"
    mkdir "$work" "$part"
    # Not in a condition: the shell would go on after errors inside.
    (
        set -e
        make_guest
    ) >"$log" 2>&1 &
    wait $! || {
        tail -n 20 "$log" >&2
        die "the $name guest could not be made; all of its output is in $log"
    }
    rm -rf --one-file-system "$work" "$guests/$name"-????????????
    mv "$part" "$final"
    say "$name guest: made in $SECONDS s, $(du -sh "$final" | cut -f 1)" >&2
fi
echo "$final"
