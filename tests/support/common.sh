# shellcheck shell=bash
# Shared by the scripts of tests/ and examples/: source it, do not run it.

# shellcheck disable=SC2034 # variables are for those who source this file

# Where everything lives that is expensive to make again: outside the source tree, shared by all checkouts.
if [ -n "${CGINIT_CACHE_DIR-}" ]; then
    cache_dir=$CGINIT_CACHE_DIR
elif [ -n "${XDG_CACHE_HOME-}" ]; then
    cache_dir=$XDG_CACHE_HOME/cginit
else
    cache_dir=${HOME:-/root}/.cache/cginit
fi
cache_dir=$(realpath --canonicalize-missing "$cache_dir")
support_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '%s\n' "$*"; }

die() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '    %s\n' "$@" >&2
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "this needs root: run it with sudo"
}

# run_step TEXT LOG COMMAND...: runs the command with its output in LOG; prints one line when it is done, a sign of life
# every 15 seconds before that, and the end of LOG if it fails.
run_step() {
    local text=$1 log=$2 begin=$SECONDS pid rc=0 waited=0
    shift 2
    printf '%s ...\n' "$text"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        waited=$((waited + 1))
        if [ $((waited % 75)) = 0 ]; then
            printf '    %d s: %s\n' $((SECONDS - begin)) "$(tail -n 1 "$log" | tr -d '\r' | cut -c 1-100)"
        fi
    done
    wait "$pid" || rc=$?
    if [ "$rc" != 0 ]; then
        printf '    failed with status %d; the end of %s:\n' "$rc" "$log" >&2
        tail -n 40 "$log" | sed 's/^/    | /' >&2
        return "$rc"
    fi
    printf '    done in %d s\n' $((SECONDS - begin))
}

# Where jobs leave what they say and how they ended.
job_dir=build/logs

# start_job NAME COMMAND...: runs the command in the background, with its output in $job_dir/NAME.log. Its status goes to a
# file: a shell forgets a child that ended long ago as soon as another process gets its number.
start_job() {
    local name=$1
    shift
    rm -f "$job_dir/$name.status"
    (
        rc=0
        "$@" >"$job_dir/$name.log" 2>&1 </dev/null || rc=$?
        echo "$rc" >"$job_dir/$name.status.part"
        mv "$job_dir/$name.status.part" "$job_dir/$name.status"
    ) &
    echo $! >"$job_dir/$name.pid"
}

# await_job NAME: returns its status when it has ended. One that was killed leaves none.
await_job() {
    local pid
    pid=$(cat "$job_dir/$1.pid")
    while [ ! -e "$job_dir/$1.status" ] && kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
    done
    # It may have ended between the two looks.
    [ -e "$job_dir/$1.status" ] || sleep 1
    return "$(cat "$job_dir/$1.status" 2>/dev/null || echo 137)"
}

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# True when this root can do what an engine's runtime asks for by default. Some virtual machines start their root without
# CAP_SYS_RESOURCE; then no limit can be raised and the capability cannot be given to a container.
has_sys_resource() {
    local effective
    effective=$(awk '/^CapEff:/ { print $2 }' /proc/self/status)
    [ $((0x${effective} >> 24 & 1)) = 1 ]
}
