#!/bin/bash
# run.sh [--wide] [RUNS]: measures cginit from its execve to the first instruction of the init that it executes, RUNS times
# (200), against others that do the same in the same container (container.h):
#
#   nothing     the init, executed directly
#   C           same_calls.c: cginit's system calls in straight C
#   bash        script.sh: the same job with bash, coreutils and util-linux
#
# and cginit and C again with more and more lines in /proc/self/mountinfo. Prints a table and what the budgets say; exit
# status 1 if one of them is not kept. Needs root and a host with v1 hierarchies. Whatever it mounts is in a mount namespace
# of its own, and its cgroups are below its own cgroup and gone afterwards.
#
# --wide is for machines that do other things meanwhile: few rounds (20), no growing mountinfo, and bounds so wide that only
# a change of cginit breaks them. Exit status 77 where the host has no v1 hierarchies (1 with CGINIT_MUST_RUN=1).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source-path=SCRIPTDIR source=../support/common.sh
. "$top/tests/support/common.sh"

bounds=full
if [ "${1-}" = --wide ]; then
    bounds=wide
    shift
fi
declare -A default_runs=([full]=200 [wide]=20)
runs=${1:-${default_runs[$bounds]}}
[[ $# -le 1 && $runs =~ ^[1-9][0-9]*$ ]] || die "usage: run.sh [--wide] [RUNS]"

# As the driver looks for them.
has_v1_hierarchies() { grep -qE '^[0-9]+ [0-9]+ [0-9:]+ / /sys/fs/cgroup/[^ ]+ .* - cgroup ' /proc/self/mountinfo; }
if ! has_v1_hierarchies; then
    missing="there are no v1 hierarchies below /sys/fs/cgroup: this needs a v1 or hybrid host"
    [[ $bounds = wide && ${CGINIT_MUST_RUN-} != 1 ]] || die "$missing"
    say "SKIP: $missing"
    exit 77
fi
need_root
for tool in gcc cmake ninja python3 mount unshare ldd; do
    command -v "$tool" >/dev/null || die "$tool is missing" "tests/support/install-deps.sh build test"
done

scratch=$(mktemp -d "${TMPDIR:-/tmp}/cginit-bench.XXXXXX")
driver_pid=
# The driver takes its cgroups back itself, if it is asked to stop.
clean_up() {
    if [ -n "$driver_pid" ]; then
        kill "$driver_pid" 2>/dev/null || true
        wait "$driver_pid" 2>/dev/null || true
    fi
    rm -rf --one-file-system "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
image=$scratch/image
mkdir "$scratch/mount"

build_release() {
    (cd "$top" && cmake --preset release && cmake --build --preset release)
}

build_bench() {
    local flags=(-O2 -static -Wall -Wextra)
    gcc "${flags[@]}" -o "$scratch/driver" "$here/driver.c" "$here/container.c"
    gcc "${flags[@]}" -nostdlib -ffreestanding -fno-stack-protector -o "$scratch/init" "$here/init.c"
    gcc "${flags[@]}" -o "$scratch/same_calls" "$here/same_calls.c"
}

# A root file system with systemd's layout, the init in systemd's place, and what the bash script calls.
make_image() {
    local program library
    mkdir -p "$image"/{proc,dev,sys,run,tmp,root,etc,var/lib,engine/volumes/{data,config},srv/{data,config}} \
        "$image"/usr/{bin,sbin,lib/systemd,lib64}
    ln -s usr/bin usr/sbin usr/lib usr/lib64 "$image"
    ln -s ../run "$image/var/run"
    touch "$image/.dockerenv" "$image"/{etc,engine}/{resolv.conf,hostname,hosts}
    cp "$scratch/init" "$image/usr/lib/systemd/systemd"
    ln -s ../lib/systemd/systemd "$image/usr/sbin/init"
    touch "$image/usr/lib/systemd/libsystemd-shared-252.so"
    cp "$top/build/release/cginit" "$scratch/same_calls" "$here/script.sh" "$image"
    for program in bash mount umount mkdir rmdir ln readlink unshare; do
        program=$(command -v "$program")
        cp -L "$program" "$image/usr/bin"
        ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
            mkdir -p "$image/usr/${library%/*}"
            # /lib/... and /usr/lib/... are one place.
            library=${library#/usr}
            mkdir -p "$image/usr${library%/*}"
            cp -L "$library" "$image/usr$library"
        done
    done
}

drive() { # OUTPUT OPTIONS... -- CANDIDATES...
    local output=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    "$scratch/driver" "${options[@]}" "$scratch/mount" "$image" "$@" >"$output" &
    driver_pid=$!
    wait "$driver_pid"
    driver_pid=
}

# Numbers, ids and the order of the environment are nobody's fault. In the place of the id of the container's PID namespace,
# and of no other's, is PIDNS.
view_of() { # NAME=PROGRAM
    local id
    drive "$scratch/view" -s -- "$1"
    id=$(sed -n 's/^pid:\[\([0-9]*\)\]$/\1/p' "$scratch/view")
    [ -n "$id" ] || die "the driver did not tell the PID namespace"
    sed -E -e 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //' -e 's/[0-9a-f]{64}/ID/g' -e 's/cginit-bench-[0-9]+/BENCH/g' \
        -e "s/\\[$id\\]/[PIDNS]/g" -e 's/^(container_uuid=).*/\1.../' -e '/^(PWD|OLDPWD|SHLVL)=/d' "$scratch/view" |
        LC_ALL=C sort
}

same_view() {
    view_of cginit=/cginit >"$scratch/view.cginit"
    local candidate
    for candidate in C=/same_calls bash=/script.sh; do
        view_of "$candidate" >"$scratch/view.other"
        diff -u "$scratch/view.cginit" "$scratch/view.other" ||
            die "${candidate%%=*} does not give the init what cginit gives it, see above"
    done
    view_of nothing=/sbin/init >"$scratch/view.other"
    ! cmp -s "$scratch/view.other" "$scratch/view.cginit" || die "cginit changed nothing"
}

same_calls() {
    if ! command -v strace >/dev/null; then
        [ "${CGINIT_MUST_RUN-}" != 1 ] || die "strace is missing (and CGINIT_MUST_RUN=1)"
        say "    not checked: strace is missing"
        return
    fi
    strace -f -s 300 -o "$scratch/trace" "$scratch/driver" -s "$scratch/mount" "$image" \
        cginit=/cginit C=/same_calls >/dev/null
    "$here/check_calls.py" "$scratch/trace" /cginit /same_calls >"$scratch/calls" || {
        cat "$scratch/calls"
        die "same_calls.c no longer does what cginit does: bring it up to date"
    }
    sed 's/^/    /' "$scratch/calls"
}

# Fills growth with the files of the samples.
measure_growth() {
    local lines rounds
    for lines in 10 100 1000 10000; do
        case $lines in
            1000) rounds=$((50 < runs ? 50 : runs)) ;;
            10000) rounds=$((15 < runs ? 15 : runs)) ;;
            *) rounds=$runs ;;
        esac
        say "measuring: $rounds rounds with $lines lines in mountinfo ..."
        growth+=("$scratch/samples.$lines")
        drive "$scratch/samples.$lines" -l "$lines" -n "$rounds" -- C=/same_calls cginit=/cginit
    done
}

run_step "building cginit's release binary" "$scratch/build.log" build_release
run_step "building the bench" "$scratch/build.log" build_bench
run_step "making the container's root file system" "$scratch/build.log" make_image
say "checking that all give the init the same view ..."
same_view
say "checking that the C program makes cginit's calls ..."
same_calls

say "measuring: $runs rounds in a container as Docker makes it ..."
drive "$scratch/samples" -n "$runs" -- nothing=/sbin/init C=/same_calls cginit=/cginit bash=/script.sh
growth=()
[ $bounds = wide ] || measure_growth
left=$(find /sys/fs/cgroup -type d -name "cginit-bench-*" 2>/dev/null | wc -l)
say ""
"$here/report.py" "$bounds" "$left" "$scratch/samples" "${growth[@]}"
