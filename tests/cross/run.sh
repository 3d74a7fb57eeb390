#!/bin/bash
# run.sh ARCHITECTURE...: builds cginit for other architectures, and holds what it says of every capture, under qemu-user, against
# what build/release/cginit says.
#
# An architecture is a preset of CMakePresets.json in Debian's spelling: arm64, armhf, riscv64, ppc64el, s390x. The last line of
# each says its size; the exit status is 0 if all were built and none differs.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/common.sh
. tests/support/common.sh

readonly -A kEmulators=([arm64]=qemu-aarch64 [armhf]=qemu-arm [riscv64]=qemu-riscv64 [ppc64el]=qemu-ppc64le [s390x]=qemu-s390x)

[ $# -gt 0 ] || die "which architectures?" "architectures: ${!kEmulators[*]}"
for architecture; do
    [ -n "${kEmulators[$architecture]-}" ] || die "no such architecture: $architecture" "architectures: ${!kEmulators[*]}"
done
[ -x build/release/cginit ] || die "build/release/cginit is missing: cmake --preset release && cmake --build --preset release"

logs=$job_dir
mkdir -p "$logs"

one() { # ARCHITECTURE
    local binary=build/$1/cginit
    run_step "$1: configure" "$logs/$1-configure.log" cmake --preset "$1" &&
        run_step "$1: build" "$logs/$1-build.log" cmake --build --preset "$1" &&
        run_step "$1: headers" "$logs/$1-headers.log" tests/static/check_headers.sh "build/$1" &&
        run_step "$1: replays" "$logs/$1-replays.log" \
            tests/cross/check_replays.py build/release/cginit "${kEmulators[$1]}" "$binary" tests/captures &&
        say "$1: $(tail -n 1 "$logs/$1-replays.log"), $(stat -c %s "$binary") bytes"
}

rc=0
for architecture; do
    one "$architecture" || rc=1
done
exit "$rc"
