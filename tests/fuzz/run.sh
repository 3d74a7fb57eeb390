#!/bin/bash
# run.sh: the fuzzers of tests/fuzz, from the captures on.
#
#   run.sh MINUTES        builds them and runs them that long, nine tenths of it the view's and the rest the parsers'.
#                         Goes on from where the last run ended (CGINIT_CACHE_DIR) and after each find.
#   run.sh --short FOLDER
#                         those built in FOLDER, for a fixed number of inputs from a fixed seed, and then everything
#                         in tests/fuzz/regressions
#
# Says how many inputs were run, how much of the program they reach, how many were worth keeping, and what was found.
# The exit status is 0 if nothing was.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/common.sh
. tests/support/common.sh

readonly kFuzzers='view parsers'
readonly kLongestInput=65536
# What each runs in the short run, and what that may take on a busy machine.
declare -rA kShortRuns=([view]=2500 [parsers]=8000)
readonly kShortSeconds=150

usage() { sed -n '2,/^set/ s/^# \{0,1\}//p' "$0"; }

work=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" cginit-fuzz-run.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
# The inputs' files are written there, and the shorter its traces the faster is the allocator.
export TMPDIR=$work ASAN_OPTIONS=malloc_context_size=4:quarantine_size_mb=16:${ASAN_OPTIONS-}
found=0

# seeds FUZZER FOLDER
seeds() {
    local capture file
    mkdir -p "$2"
    if [ "$1" = view ]; then
        tests/fuzz/pack.sh "$2"
        return
    fi
    for capture in tests/captures/*.txt; do
        { printf 't' && cat "$capture"; } >"$2/$(basename "$capture").text"
        for file in mountinfo cgroup status; do
            { printf '%s' "${file:0:1}" && awk -v file="proc/self/$file" '/^-- .* --$/ { kept = $2 == file; next } kept' "$capture"; } \
                >"$2/$(basename "$capture").$file"
        done
    done
    printf 'kpid 1\ninit systemd\ninit-file /sbin/init\ninit-version-unknown none\nplace /run directory\n' >"$2/facts"
    printf 'o--layout=hybrid\n--keep-mount\n/host\n--\n/sbin/init\n\nCGINIT_METHOD=bind\nCGINIT_TMPFS=/run:/tmp\n' >"$2/options"
}

# fuzz FUZZER BINARY CORPUS ARGUMENTS...: until it ends or finds something, which it leaves in $work/finds.
fuzz() {
    local fuzzer=$1 binary=$2 corpus=$3 log=$work/$1.log rc=0
    shift 3
    "$binary" -max_len=$kLongestInput -dict=tests/fuzz/words.dict -print_final_stats=1 -artifact_prefix="$work/finds/" \
        "$@" "$corpus" "$work/seeds/$fuzzer" >"$log" 2>&1 || rc=$?
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    reached=$(grep -oE ' cov: [0-9]+' "$log" | tail -n 1 | grep -oE '[0-9]+' || true)
    kept=$(sed -n 's/^stat::new_units_added: *//p' "$log")
    [ "$rc" != 0 ] || return 0
    found=$((found + 1))
    grep -aE -A 5 'BROKEN|SUMMARY|runtime error' "$log" | cut -c 1-300 | head -n 20 || tail -n 20 "$log"
    return 1
}

# keep FUZZER BINARY: makes the last find small and says what to do with it.
keep() {
    local fuzzer=$1 binary=$2 find small
    find=$(find "$work/finds" -type f -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
    [ -n "$find" ] || return 0
    mkdir -p "$cache_dir/fuzz/finds"
    small=$cache_dir/fuzz/finds/$fuzzer-$(basename "$find")
    "$binary" -minimize_crash=1 -max_total_time=60 -exact_artifact_path="$small" "$find" >"$work/small.log" 2>&1 || true
    [ -s "$small" ] || cp "$find" "$small"
    say "found: $small"
    say "    run it:  TMPDIR=/dev/shm $binary $small"
    say "    a test:  mend it, and put the input into tests/fuzz/regressions/$fuzzer under a name that says what it was"
}

regressions() { # FOLDER
    local fuzzer files total=0
    for fuzzer in $kFuzzers; do
        mapfile -t files < <(find "tests/fuzz/regressions/$fuzzer" -type f 2>/dev/null | sort)
        [ ${#files[@]} -gt 0 ] || continue
        total=$((total + ${#files[@]}))
        if ! "$1/cginit_fuzz_$fuzzer" "${files[@]}" >"$work/regressions.log" 2>&1; then
            found=$((found + 1))
            tail -n 40 "$work/regressions.log"
        fi
    done
    say "regressions: $total inputs run"
}

short() { # FOLDER
    local fuzzer
    for fuzzer in $kFuzzers; do
        mkdir -p "$work/corpus/$fuzzer"
        if ! fuzz "$fuzzer" "$1/cginit_fuzz_$fuzzer" "$work/corpus/$fuzzer" -seed=1 -runs="${kShortRuns[$fuzzer]}" \
            -max_total_time=$kShortSeconds; then
            keep "$fuzzer" "$1/cginit_fuzz_$fuzzer"
        fi
        say "$fuzzer: ${count:-0} inputs run, $reached edges reached"
    done
    regressions "$1"
}

# long FUZZER SECONDS
long() {
    local fuzzer=$1 end=$((SECONDS + $2)) binary=build/asan-clang/cginit_fuzz_$1 corpus=$cache_dir/fuzz/$1 runs=0 new=0
    mkdir -p "$corpus"
    while [ "$SECONDS" -lt "$end" ]; do
        fuzz "$fuzzer" "$binary" "$corpus" -max_total_time=$((end - SECONDS)) || keep "$fuzzer" "$binary"
        runs=$((runs + ${count:-0})) new=$((new + ${kept:-0}))
    done
    say "$fuzzer: $runs inputs run, $reached edges reached, $new new inputs in $corpus"
}

mkdir -p "$work/finds"
for fuzzer in $kFuzzers; do
    seeds "$fuzzer" "$work/seeds/$fuzzer"
done
case ${1-} in
    --help | -h | '')
        usage
        exit
        ;;
    --short) short "${2:?a folder}" ;;
    *)
        [[ $1 =~ ^[0-9]+$ ]] || die "not a number of minutes: $1"
        cmake --preset asan-clang >"$work/configure.log" || die "see: cmake --preset asan-clang"
        cmake --build --preset asan-clang --target cginit_fuzz_view cginit_fuzz_parsers
        long view $(($1 * 54))
        long parsers $(($1 * 6))
        regressions build/asan-clang
        ;;
esac
say "$found found"
[ "$found" = 0 ]
