#!/bin/bash
# run.sh: everything that has to pass, from nothing: installs what is missing, builds, tests; prints how long each took.
#
#   --lane LANE[,LANE]   only these: format, lint (clang-tidy, cppcheck), unit (all that ctest knows: of the binary that is
#                        shipped; those that kill, by g++; all others by clang with sanitizers; a short fuzz; valgrind),
#                        bench (a few rounds, wide bounds), quickstart, e2e, today (today's engines, and pods), cross (other
#                        architectures, under qemu-user), hosts (real hosts in QEMU); and package (the files of a release),
#                        which is not among them if nothing is said
#   --architectures ARCHITECTURE[,ARCHITECTURE]
#                        those of the lane cross, or all: arm64 armhf riscv64 ppc64el s390x; s390x if nothing is said
#   --guests GUEST[,GUEST]
#                        which hosts the lane hosts boots: stable (Debian 12's, v1, hybrid and v2), today (Debian's testing suite, v2),
#                        selinux (the same, with SELinux enforcing)
#   --engines today      e2e with the engines that today has, not with this machine's; what is expected of Debian 12's may differ
#   --full               the end-to-end matrix as a full product; it takes hours, not minutes
#   -- ARGUMENTS         for pytest, such as -k restart
#
# CGINIT_MUST_RUN=1 turns each skipped test into a failed one. The exit status is 0 if nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/support/common.sh
. tests/support/common.sh

readonly kLanes='format lint unit bench quickstart e2e today cross hosts'
readonly kMoreLanes=package
readonly kImages='busybox bookworm trixie inits newest bullseye backports'
readonly kArchitectures='arm64 armhf riscv64 ppc64el s390x'
# Those of run-guest.py, in an order in which two at a time end early: the longest first.
readonly -A kHosts=([stable]='v2 v1 hybrid v1-flat' [today]=today [selinux]=selinux)
# When one of them hangs for sure, on a busy machine: without the guest's own start and end.
readonly kHostSeconds=3000

usage() { sed -n '2,/^set/ s/^# \{0,1\}//p' "$0"; }

lanes=$kLanes full='' engines=here guests=stable architectures=s390x
while [ $# -gt 0 ]; do
    case $1 in
        --lane)
            [ $# -ge 2 ] || die "--lane needs a value"
            lanes=${2//,/ }
            shift
            ;;
        --lane=*)
            lanes=${1#*=}
            lanes=${lanes//,/ }
            ;;
        --engines)
            [ $# -ge 2 ] || die "--engines needs a value"
            engines=$2
            shift
            ;;
        --engines=*) engines=${1#*=} ;;
        --guests)
            [ $# -ge 2 ] || die "--guests needs a value"
            guests=${2//,/ }
            shift
            ;;
        --guests=*)
            guests=${1#*=}
            guests=${guests//,/ }
            ;;
        --architectures)
            [ $# -ge 2 ] || die "--architectures needs a value"
            architectures=${2//,/ }
            shift
            ;;
        --architectures=*)
            architectures=${1#*=}
            architectures=${architectures//,/ }
            ;;
        --full) full=--full ;;
        --help | -h)
            usage
            exit
            ;;
        --)
            shift
            break
            ;;
        *) die "unknown option $1" "$(usage)" ;;
    esac
    shift
done
for lane in $lanes; do
    [[ " $kLanes $kMoreLanes " == *" $lane "* ]] || die "no such lane: $lane" "lanes: $kLanes $kMoreLanes"
done
chosen=$#
[[ $engines =~ ^(here|today)$ ]] || die "no such engines: $engines" "engines: here today"
kinds=()
for guest in $guests; do
    [ -n "${kHosts[$guest]-}" ] || die "no such guests: $guest" "guests: ${!kHosts[*]}"
    # shellcheck disable=SC2206 # words
    kinds+=(${kHosts[$guest]})
done
[ "$architectures" != all ] || architectures=$kArchitectures
for architecture in $architectures; do
    [[ " $kArchitectures " == *" $architecture "* ]] || die "no such architecture: $architecture" "architectures: $kArchitectures, all"
done
wanted() { [[ " $lanes " == *" $1 "* ]]; }

need_root
logs=$job_dir
mkdir -p "$logs"
rm -f "$logs"/*.pid "$logs"/*.status "$logs/engines-rest"
: >"$logs/failures.log"
begin=$SECONDS
passed=0 failed=0 skipped=0 timings=() begun=()

# count PASSED FAILED [SKIPPED]
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + ${3:-0}))
}

# lane NAME FUNCTION: a lane that ends badly without counted failures counts as one.
lane() {
    local name=$1 started=$SECONDS before=$failed rc=0
    shift
    begun+=("$name")
    say "" "== $name"
    "$@" || rc=$?
    [ "$rc" = 0 ] || [ "$failed" -gt "$before" ] || count 0 1
    timings+=("$(printf '%-12s %4d s%s' "$name" $((SECONDS - started)) "$([ "$failed" = "$before" ] || echo '  FAILED')")")
}

# check NAME COMMAND...: counts as one test.
check() {
    local name=$1
    shift
    if run_step "$name" "$logs/$name.log" "$@"; then count 1 0; else count 0 1; fi
}

# While the compiler has the other core.
start_images() {
    local today=''
    ! wanted today && [ "$engines" = here ] || today=today
    # shellcheck disable=SC2086 # words
    start_job images tests/support/make-image.sh $kImages $today
}

# The images that are wanted anyway come first: one thing at a time beside the compiler.
guests_after_images() {
    local guest
    [ -z "$needs_images" ] || await_job images || true
    for guest in $guests; do
        tests/support/make-guest.sh "$guest" || return
    done
}

setup() {
    local groups=(build test image runc engines)
    ! wanted hosts || groups+=(guests)
    # shellcheck disable=SC2206 # words
    ! wanted cross || groups+=($architectures)
    ! wanted package || groups+=(package arm64)
    tests/support/install-deps.sh "${groups[@]}"
}

# Thousands of processes that are forked to be killed, or trace the shipped binary: with sanitizers that takes six times as
# long, and shows no more. They are built by g++ without sanitizers; all others by clang with them, and that once.
readonly kKilled='^fault|^cginit_fault_tests_NOT_BUILT|kernel\..*KernelFaults'
readonly -A kTargets=([dev]='--target cginit_fault_tests cginit_kernel_tests')

# What cannot be built fails once, and the tests of the others run.
built=()

configure() { # PRESET
    run_step "$1: configure" "$logs/$1-configure.log" cmake --preset "$1"
}

build() {
    local preset presets=(release) rc=0
    if wanted unit; then presets+=(dev asan-clang); elif wanted format || wanted lint; then configure dev || rc=1; fi
    for preset in "${presets[@]}"; do
        # shellcheck disable=SC2086 # words; all of it if nothing is said
        if configure "$preset" && run_step "$preset: build" "$logs/$preset-build.log" \
            cmake --build --preset "$preset" ${kTargets[$preset]-}; then
            built+=("$preset")
        else
            rc=1
        fi
    done
    return "$rc"
}

is_built() { [[ " ${built[*]} " == *" $1 "* ]]; }

wait_for() { # JOB
    local rc=0
    await_job "$1" || rc=$?
    grep -v '^/' "$logs/$1.log" || true
    return "$rc"
}

check_format() {
    local scripts
    mapfile -t scripts < <(grep -rlE '^#!/bin/(ba)?sh' tests examples cmake packaging .ci)
    check "shellcheck" shellcheck -x -P SCRIPTDIR "${scripts[@]}" completions/*.bash
    check "clang-format" cmake --build --preset dev --target format-check
}

# Who is only nice keeps a processor busy, and who wakes up waits for its turn: the end-to-end tests, which are many short
# processes, take twice as long then. What is idle is put aside at once.
idle() { chrt --idle 0 "$@"; }

# While the end-to-end tests wait for their engines, one after the other, and without taking a turn from them.
start_idle_jobs() {
    local before=''
    if wanted lint; then
        start_job cppcheck idle cmake --build --preset dev --target cppcheck
        start_job clang-tidy after cppcheck cmake --build --preset dev --target lint
        before=clang-tidy
    fi
    # shellcheck disable=SC2086 # words
    ! wanted cross || ! is_built release || start_job cross after "$before" tests/cross/run.sh $architectures
}

after() { # JOB COMMAND...
    [ -z "$1" ] || await_job "$1" || true
    shift
    idle "$@"
}

lint() {
    local tool
    for tool in cppcheck clang-tidy; do
        if await_job "$tool"; then
            count 1 0
        else
            count 0 1
            tail -n 100 "$logs/$tool.log"
        fi
    done
}

# arm64: 490 replays, 0 differ, 2100000 bytes
cross() {
    local rc=0 good
    follow "$(cat "$logs/cross.pid")" "$logs/cross.log"
    await_job cross || rc=$?
    good=$(grep -cE '^[a-z0-9]+: [0-9]+ replays, 0 differ' "$logs/cross.log" || true)
    count "$good" $(($(wc -w <<<"$architectures") - good))
    [ "$rc" = 0 ] || tail -n 100 "$logs/cross.log"
    grep -E '^[a-z0-9]+: [0-9]+ replays' "$logs/cross.log" || true
    return "$rc"
}

# What each failed test said, for the end of everything: who reads a long log from behind must find it.
said_by_failed() { # LOG OF CTEST
    awk '/^ *[0-9]+\/[0-9]+ Test +#/ { shown = /\*\*\*/; lines = 0 } / Start +[0-9]+: / { next } shown && lines++ < 40' "$1"
}

# 97% tests passed, 3 tests failed out of 100
run_ctest() { # PRESET [ARGUMENTS]
    local preset=$1 log=$logs/ctest-$1.log rc=0 bad total left_out
    shift
    ctest --preset "$preset" --parallel "$(nproc)" --timeout 900 "$@" >"$log" 2>&1 || rc=$?
    if grep -q '^No tests were found' "$log"; then
        say "$preset: no tests were found"
        return 1
    fi
    read -r bad total < <(sed -n -E 's/^.* ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")
    if [ -z "${total-}" ]; then
        tail -n 200 "$log"
        say "$preset: ctest did not say how many tests there are"
        return 1
    fi
    left_out=$(sed '1,/^The following tests did not run:$/d' "$log" | grep -cE '^\s+[0-9]+ - .* \((Skipped|Disabled)\)$' || true)
    count $((total - bad - left_out)) "$bad" "$left_out"
    [ "$rc" = 0 ] || said_by_failed "$log" >>"$logs/failures.log"
    say "$preset: $((total - bad - left_out)) passed, $bad failed, $left_out skipped"
    return "$rc"
}

# [  FAULTS  ] v1_host: 677 errors (EPERM 82 EACCES 80 ...), 86 kills; 267 refused, ...
sum_faults() { # LOG...
    awk '/^\[  FAULTS  \]/ { for (i = 2; i <= NF; ++i) if ($i ~ /^(errors|kills|injected)[,;:]?$/) { sub(/[,;:]/, "", $i); sum[$i] += $(i - 1) } }
        END { printf "faults: %d errors, %d kills\n", sum["errors"] + sum["injected"], sum["kills"] }' "$@"
}

# The promises of the binary that is shipped are the tests of release.
unit() {
    local preset rc=0 which outcomes=()
    for preset in "${built[@]}"; do
        which=()
        [ "$preset" != dev ] || which=(--tests-regex "$kKilled|^cginit_kernel_tests_NOT_BUILT")
        [ "$preset" != asan-clang ] || which=(--exclude-regex "$kKilled")
        run_ctest "$preset" "${which[@]}" || rc=1
        outcomes+=("build/$preset/Testing/Temporary/LastTest.log")
    done
    [ ${#outcomes[@]} -gt 0 ] || return 1
    sum_faults "${outcomes[@]}"
    grep -hE 'inputs run|under valgrind$' "${outcomes[@]}" || true
    return "$rc"
}

# Not beside tests that look at the machine's cgroups: its containers are there, too.
bench() {
    local rc=0 log=$logs/bench.log
    run_step bench "$log" tests/bench/run.sh --wide || rc=$?
    case $rc in
        0) count 1 0 ;;
        77) count 0 0 1 ;;
        *) count 0 1 ;;
    esac
    grep -E '^(PASS|FAIL|SKIP)' "$log" || true
}

quickstart() {
    check "quickstart" examples/quickstart.sh
}

# count_pytest STATUS LOG: counts what its last line says, and prints what went wrong. A run that was cut short counts as
# failed, too.
# = 2 failed, 80 passed, 1 error in 300.12s =
count_pytest() {
    local good bad left_out last
    if [ "$1" = 5 ] && [ "$chosen" -gt 0 ]; then
        say "none of these tests was chosen"
        return 0
    fi
    last=$(grep -E '^=+ .* in [0-9.]+s ' "$2" | tail -n 1 || true)
    good=$(grep -oE '[0-9]+ passed' <<<"$last" | cut -d ' ' -f 1 || true)
    left_out=$(grep -oE '[0-9]+ skipped' <<<"$last" | cut -d ' ' -f 1 || true)
    bad=$(grep -oE '[0-9]+ (failed|error)' <<<"$last" | awk '{ sum += $1 } END { print sum + 0 }')
    if [ "$1" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
        tail -n 100 "$2"
    elif [ "$1" != 0 ]; then
        sed -n '/^=* \(FAILURES\|ERRORS\) =*$/,$p' "$2" | head -n 3000 | tee -a "$logs/failures.log"
    fi
    count "${good:-0}" "$bad" "${left_out:-0}"
    sed -n 's/^counted: //p' "$2"
    say "${last:-no result}"
    return "$1"
}

# run_pytest NAME COMMAND...: pytest with these tests; the command leads to where the engines are.
run_pytest() {
    local name=$1 rc=0
    shift
    start_job "$name" "$@"
    follow "$(cat "$logs/$name.pid")" "$logs/$name.log"
    await_job "$name" || rc=$?
    sed -n 's/^engines: //p' "$logs/$name.log"
    count_pytest "$rc" "$logs/$name.log"
}

# in_today COMMAND...: where today's engines are. The images are made already, with this machine's tools.
in_today() {
    local name images=$PWD/build/images
    mkdir -p "$images"
    for name in $kImages; do
        ln -sf "$(tests/support/make-image.sh "$name" | tail -n 1)" "$images/$name.tar"
    done
    CGINIT_IMAGES=$images tests/support/in-debian.sh today "$@"
}

# The system's own Python has the system's pytest; another may stand before it on PATH.
readonly kPytest='/usr/bin/python3 -m pytest -p no:cacheprovider --color=no --tb=short -v'

e2e() {
    local place=()
    [ "$engines" = here ] || place=(in_today)
    # shellcheck disable=SC2086 # words; an option or nothing
    run_pytest e2e "${place[@]}" $kPytest $full --junit-xml=build/e2e.xml tests/e2e "$@"
}

today() {
    # shellcheck disable=SC2086 # words
    run_pytest today in_today $kPytest --junit-xml=build/today.xml tests/today "$@"
}

package() {
    # shellcheck disable=SC2086 # words
    run_pytest package $kPytest --junit-xml=build/package.xml tests/packaging "$@"
}

# follow PID LOG...: a line per minute while it runs.
follow() {
    local tick=0 pid=$1
    shift
    so_far() { # OUTCOME LOG...
        cat "${@:2}" 2>/dev/null | grep -cE " ($1) " || true
    }
    while kill -0 "$pid" 2>/dev/null; do
        sleep 1
        tick=$((tick + 1))
        [ $((tick % 60)) = 0 ] || continue
        say "    $((tick / 60)) min: $(so_far PASSED "$@") passed, $(so_far 'FAILED|ERROR' "$@") failed so far"
    done
}

# host_tests KIND [ARGUMENTS]: tests/hosts in a guest; leaves a log, and the status and the seconds in a file.
host_tests() {
    local kind=$1 begin=$SECONDS rc=0
    shift
    # shellcheck disable=SC2016 # for the guest's shell
    idle tests/support/run-guest.py --programs build/hosts/programs --result "build/hosts/$kind" --timeout "$kHostSeconds" \
        "$kind" \
        sh -c 'exec python3 -m pytest -p no:cacheprovider --color=no --tb=short -v --durations=0 \
            --junit-xml="$CGINIT_RESULT/junit.xml" tests/hosts "$@"' sh "$@" >"$logs/host-$kind.log" 2>&1 || rc=$?
    echo "$rc $((SECONDS - begin))" >"$logs/host-$kind.status"
}

# A guest keeps one processor busy. Beside tests of engines here, which have to wait as long, there is one; then there are two.
all_hosts() {
    local kind at_once
    tests/support/run-guest.py --programs build/hosts/programs
    await_job guests || true
    for kind in "${kinds[@]}"; do
        while
            at_once=2
            [ -e "$logs/engines-rest" ] || at_once=1
            [ "$(jobs -r | wc -l)" -ge "$at_once" ]
        do
            sleep 1
        done
        host_tests "$kind" "$@" &
    done
    wait
}

start_hosts() {
    rm -rf build/hosts "$logs"/host-*
    start_job hosts all_hosts "$@"
}

hosts() {
    local kind rc=0 status seconds followed=()
    for kind in "${kinds[@]}"; do
        followed+=("$logs/host-$kind.log")
    done
    follow "$(cat "$logs/hosts.pid")" "${followed[@]}"
    await_job hosts || rc=$?
    for kind in "${kinds[@]}"; do
        read -r status seconds 2>/dev/null <"$logs/host-$kind.status" || status=1 seconds='?'
        say "$kind, $seconds s:"
        count_pytest "$status" "$logs/host-$kind.log" || rc=1
    done
    return "$rc"
}

if wanted quickstart || wanted e2e || wanted today; then needs_images=1; else needs_images=''; fi
lane set-up setup
[ -z "$needs_images" ] || start_images
! wanted hosts || start_job guests guests_after_images
lane build build
! wanted format || lane format check_format
! wanted unit || lane unit unit
if wanted bench && is_built release; then lane bench bench; fi
start_idle_jobs
if wanted hosts && is_built release; then start_hosts "$@"; fi
if [ -n "$needs_images" ]; then
    lane images wait_for images
    if is_built release; then
        ! wanted quickstart || lane quickstart quickstart
        ! wanted e2e || lane e2e e2e "$@"
        ! wanted today || lane today today "$@"
    fi
fi
touch "$logs/engines-rest"
! wanted lint || lane lint lint
if wanted cross && is_built release; then lane cross cross; fi
! wanted package || lane package package "$@"
if wanted hosts; then
    lane guests wait_for guests
    ! is_built release || lane hosts hosts "$@"
fi

if [ -s "$logs/failures.log" ]; then
    say "" "== failed tests (all of it: $logs/failures.log)"
    head -n 100 "$logs/failures.log"
fi
say "" "== timings"
printf '%s\n' "${timings[@]}"
printf '%-12s %4d s\n' total $((SECONDS - begin))
say ""
[ "$skipped" = 0 ] || say "$skipped skipped: this machine lacks what they need, and their logs in $logs say what"
for name in "${begun[@]}"; do
    [[ " ${timings[*]}" == *" $name "* ]] || { say "$name was begun and has no end"; count 0 1; }
done
say "$passed passed, $failed failed"
[ "$failed" = 0 ]
