#!/bin/bash
# run.sh: everything that has to pass, from nothing: installs what is missing, builds, tests; prints how long each took.
#
#   --lane LANE[,LANE]   only these: format, lint, unit (all that ctest knows), quickstart, e2e
#   --full               the end-to-end matrix as a full product; it takes hours, not minutes
#   -- ARGUMENTS         for pytest, such as -k restart
#
# CGINIT_MUST_RUN=1 turns each skipped test into a failed one. The exit status is 0 if nothing failed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/support/common.sh
. tests/support/common.sh

readonly kLanes='format lint unit quickstart e2e'

usage() { sed -n '2,/^set/ s/^# \{0,1\}//p' "$0"; }

lanes=$kLanes full=''
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
    [[ " $kLanes " == *" $lane "* ]] || die "no such lane: $lane" "lanes: $kLanes"
done
wanted() { [[ " $lanes " == *" $1 "* ]]; }

need_root
logs=build/logs
mkdir -p "$logs"
begin=$SECONDS
passed=0 failed=0 timings=()

# count PASSED FAILED
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# lane NAME FUNCTION: a lane that ends badly without counted failures counts as one.
lane() {
    local name=$1 started=$SECONDS before=$failed rc=0
    shift
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

images_pid=''
start_images() {
    # While the compiler has the other core.
    tests/support/make-image.sh busybox bookworm trixie inits newest bullseye backports >"$logs/images.log" 2>&1 &
    images_pid=$!
}

setup() {
    tests/support/install-deps.sh build test image runc engines
}

build() {
    local preset
    for preset in release dev; do
        if [ "$preset" = dev ] && ! wanted format && ! wanted lint && ! wanted unit; then continue; fi
        run_step "$preset: configure" "$logs/$preset-configure.log" cmake --preset "$preset" &&
            run_step "$preset: build" "$logs/$preset-build.log" cmake --build --preset "$preset" || return 1
    done
}

wait_for_images() {
    local rc=0
    wait "$images_pid" || rc=$?
    grep -v '^/' "$logs/images.log" || true
    return "$rc"
}

check_format() {
    local scripts
    mapfile -t scripts < <(grep -rlE '^#!/bin/(ba)?sh' tests examples cmake .ci)
    check "shellcheck" shellcheck -x -P SCRIPTDIR "${scripts[@]}"
    check "clang-format" cmake --build --preset dev --target format-check
}

check_lint() {
    check "clang-tidy" cmake --build --preset dev --target lint
}

# 97% tests passed, 3 tests failed out of 100
run_ctest() { # PRESET [ARGUMENTS]
    local preset=$1 log=$logs/ctest-$1.log rc=0 bad total
    shift
    ctest --preset "$preset" --parallel "$(nproc)" --timeout 300 "$@" >"$log" 2>&1 || rc=$?
    if grep -q '^No tests were found' "$log"; then
        say "$preset: no tests were found"
        return 1
    fi
    read -r bad total < <(sed -n -E 's/^.* ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")
    count $((total - bad)) "$bad"
    [ "$rc" = 0 ] || tail -n 200 "$log"
    say "$preset: $((total - bad)) passed, $bad failed"
    return "$rc"
}

unit() {
    local rc=0
    run_ctest dev || rc=1
    # The promises of the binary that is shipped.
    run_ctest release || rc=1
    return "$rc"
}

quickstart() {
    check "quickstart" examples/quickstart.sh
}

# = 2 failed, 80 passed, 1 error in 300.12s =
e2e() {
    local rc=0 log=$logs/e2e.log good bad
    # The system's own Python has the system's pytest; another may stand before it on PATH.
    /usr/bin/python3 -m pytest -p no:cacheprovider --color=no --tb=short -v $full \
        --junit-xml=build/e2e.xml tests/e2e "$@" >"$log" 2>&1 &
    follow $! "$log"
    wait $! || rc=$?
    if [ "$rc" != 0 ]; then
        sed -n '/^=* \(FAILURES\|ERRORS\) =*$/,$p' "$log" | head -n 3000
    fi
    good=$(tail -n 1 "$log" | grep -oE '[0-9]+ passed' | cut -d ' ' -f 1 || true)
    bad=$(tail -n 1 "$log" | grep -oE '[0-9]+ (failed|error)' | awk '{ sum += $1 } END { print sum + 0 }')
    count "${good:-0}" "$bad"
    tail -n 1 "$log"
    return "$rc"
}

# follow PID LOG: a line per minute while it runs.
follow() {
    local tick=0
    while kill -0 "$1" 2>/dev/null; do
        sleep 1
        tick=$((tick + 1))
        [ $((tick % 60)) != 0 ] || say "    $((tick / 60)) min: $(grep -cE ' PASSED ' "$2" || true) passed, $(grep -cE ' (FAILED|ERROR) ' "$2" || true) failed so far"
    done
}

if wanted quickstart || wanted e2e; then needs_images=1; else needs_images=''; fi
lane set-up setup
[ -z "$needs_images" ] || start_images
lane build build
if [ "$failed" = 0 ]; then
    ! wanted format || lane format check_format
    ! wanted unit || lane unit unit
    ! wanted lint || lane lint check_lint
fi
if [ -n "$needs_images" ]; then
    lane images wait_for_images
    if [ -x build/release/cginit ]; then
        ! wanted quickstart || lane quickstart quickstart
        ! wanted e2e || lane e2e e2e "$@"
    fi
fi

say "" "== timings"
printf '%s\n' "${timings[@]}"
printf '%-12s %4d s\n' total $((SECONDS - begin))
say "" "$passed passed, $failed failed"
[ "$failed" = 0 ]
