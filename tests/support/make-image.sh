#!/bin/bash
# make-image.sh NAME...: makes root file systems for the tests and prints the path of each tarball.
#
# A tarball is kept in the cache and named after its whole recipe, so that it is made once and made again when its recipe
# changes. Nothing is downloaded but Debian packages, from the archive that this machine's apt is configured for
# (CGINIT_DEBIAN_MIRROR and CGINIT_DEBIAN_KEYRING name another one); no address of it is left in the image.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR
. "$support_dir/debian.sh"

# Today's engines, and what the end-to-end tests need to drive them.
kToday='docker.io,docker-cli,containerd,runc,crun,podman,conmon,catatonit,tini,netavark,aardvark-dns,passt,fuse-overlayfs,uidmap'
kToday+=',lxc,systemd-container,apptainer,incus-base,python3-grpcio,python3-protobuf,protobuf-compiler'
kToday+=',python3,python3-pytest,python3-yaml,gcc,g++,libc6-dev,busybox-static,iproute2,procps,jq,util-linux'

# NAME SUITES PACKAGES ALONE, one line per Debian image. a|b: b if a cannot be installed; a+b: a, and from b all that it has
# newer, or that a lacks. ALONE is a package of which only the files are wanted.
readonly kDebianImages="
bullseye    bullseye                      systemd,systemd-sysv
bookworm    bookworm                      systemd,systemd-sysv
backports   bookworm+bookworm-backports   systemd,systemd-sysv
trixie      trixie                        systemd,systemd-sysv
newest      sid|forky                     systemd,systemd-sysv
inits       bookworm                      sysvinit-core,openrc,runit,s6,finit,runc,busybox-static
today       sid+forky|sid                 $kToday golang-k8s-cri-api-dev
"

recipe_of() {
    case $1 in
        busybox)
            declare -f make_busybox
            dpkg-query -W busybox-static 2>/dev/null || true
            ;;
        *)
            awk -v name="$1" '$1 == name { print; found = 1 } END { exit !found }' <<<"$kDebianImages" ||
                die "no recipe for an image called $1"
            declare -f make_debian
            ;;
    esac
}

make_busybox() { # TARGET
    local root applet
    root=$(mktemp -d)
    (cd "$root" && mkdir -p bin sbin etc/init.d proc sys dev tmp run root usr/bin usr/sbin var)
    cp "$(command -v busybox)" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
    done
    ln -s ../bin/busybox "$root/sbin/init"
    printf '%s\n' '::sysinit:/etc/init.d/rcS' '::respawn:/bin/sleep 3600' >"$root/etc/inittab"
    # shellcheck disable=SC2016 # for the image's shell
    printf '%s\n' '#!/bin/sh' 'for f in /etc/rc.d/*; do [ ! -x "$f" ] || "$f"; done' >"$root/etc/init.d/rcS"
    chmod 755 "$root/etc/init.d/rcS"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    tar -C "$root" --numeric-owner --owner=0 --group=0 -cf "$1" .
    rm -rf --one-file-system "$root"
}

make_image() {
    local name=$1 key final part begin=$SECONDS log
    key=$(recipe_of "$name" | sha256sum)
    final=$images/$name-${key:0:12}.tar
    if [ ! -f "$final" ]; then
        # Whoever comes second waits and finds the tarball.
        exec 9>"$images/$name.lock"
        flock 9
    fi
    if [ ! -f "$final" ]; then
        say "$name: making its root file system" >&2
        log=$images/$name.log
        part=$images/.$name.part.tar # mmdebstrap goes by the ending
        rm -f "$part"
        # Not in a condition: the shell would go on after errors inside.
        (
            set -e
            if [ "$name" = busybox ]; then
                make_busybox "$part"
            else
                # shellcheck disable=SC2046
                make_debian "$part" $(awk -v name="$name" '$1 == name' <<<"$kDebianImages")
            fi
        ) >"$log" 2>&1 &
        wait $! || {
            tail -n 20 "$log" >&2
            die "$name: could not be made; all of its output is in $log"
        }
        rm -f "$images/$name"-????????????.tar
        mv "$part" "$final"
        say "$name: made in $((SECONDS - begin)) s, $(du -h "$final" | cut -f 1)" >&2
    fi
    echo "$final"
}

[ $# -gt 0 ] || die "usage: make-image.sh NAME..." "names: busybox $(awk 'NF { printf "%s ", $1 }' <<<"$kDebianImages")"
need_root
# mmdebstrap mounts things below its target: in a mount namespace of its own they cannot be left behind.
if [ -z "${CGINIT_IMAGE_NAMESPACE-}" ]; then
    CGINIT_IMAGE_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
fi
images=$cache_dir/images
mkdir -p "$images"
for name; do
    recipe_of "$name" >/dev/null
done
for name; do
    make_image "$name"
done
