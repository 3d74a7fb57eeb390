#!/bin/bash
# install-deps.sh GROUP...: installs the Debian packages that are missing, and does nothing when all are there.
#
#   build    what the CMake build needs
#   test     what the test lanes need besides
#   image    to make root file systems (make-image.sh)
#   runc, docker, podman
#            to run a container with that (examples/quickstart.sh)
#   guests   to make and to run real hosts in QEMU (make-guest.sh, run-guest.py)
#   arm64, armhf, riscv64, ppc64el, s390x
#            to build for that architecture, and to run what was built (tests/cross/run.sh)
#   package  to make the files of a release, and to look at them
#   engines  Docker, Podman, runc and crun for the end-to-end tests
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/common.sh"

declare -A groups=(
    [build]='g++ libc6-dev make cmake ninja-build pkg-config bison patch dpkg-dev xz-utils util-linux
             libspdlog-dev libfmt-dev libcli11-dev libcap-dev libmount-dev nlohmann-json3-dev libgtest-dev libgmock-dev scdoc'
    [test]='gcc libc6-dev binutils strace python3 python3-pytest python3-jsonschema util-linux bsdutils shellcheck clang-format clang-tidy
            clang libclang-rt-dev llvm cppcheck valgrind libc6-dbg groff-base mandoc bash-completion zsh fish'
    [image]='mmdebstrap debian-archive-keyring busybox-static util-linux'
    [runc]='runc jq bsdutils'
    [docker]='docker.io containerd runc tini'
    [podman]='podman conmon runc crun uidmap'
    [guests]='qemu-system-x86 mmdebstrap debian-archive-keyring e2fsprogs cpio kmod xz-utils busybox-static util-linux iproute2
              gcc libc6-dev python3 python3-pytest'
    [arm64]='g++-aarch64-linux-gnu qemu-user'
    [armhf]='g++-arm-linux-gnueabihf qemu-user'
    [riscv64]='g++-riscv64-linux-gnu qemu-user'
    [ppc64el]='g++-powerpc64le-linux-gnu qemu-user'
    [s390x]='g++-s390x-linux-gnu qemu-user'
    [package]='git dpkg-dev lintian skopeo gnupg procps'
    [engines]='docker.io containerd runc crun podman conmon tini uidmap'
)

[ $# -gt 0 ] || set -- build test image engines
wanted=()
for group; do
    [ -n "${groups[$group]-}" ] || die "no such group: $group" "groups: ${!groups[*]}"
    read -r -d '' -a packages <<<"${groups[$group]}" || true
    wanted+=("${packages[@]}")
done

command -v dpkg-query >/dev/null || die "this is no Debian system; install yourself: ${wanted[*]}"
installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${wanted[@]}" 2>/dev/null | awk '/^ii/ { print $2 }' || true)
mapfile -t missing < <(printf '%s\n' "${wanted[@]}" | sort -u | grep -vxF -f <(printf '%s\n' "$installed") || true)
[ ${#missing[@]} -gt 0 ] || exit 0

[ "$(id -u)" = 0 ] || die "packages are missing and only root can install them" "apt-get install ${missing[*]}"
say "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get install --yes --quiet=2 --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "${missing[@]}"
}
log=$(mktemp "${TMPDIR:-/tmp}/cginit-apt.XXXXXX")
trap 'rm -f "$log"' EXIT
# The lists of a fresh system are empty, those of an old one name files that the archive has dropped.
if ! install >"$log" 2>&1; then
    say "reading the package lists"
    run_step "apt-get update" "$log" apt-get update --quiet=2 -o Acquire::Retries=3
    run_step "apt-get install" "$log" install
fi
