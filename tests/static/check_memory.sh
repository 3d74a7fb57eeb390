#!/bin/bash
# check_memory.sh BINARY CAPTURES: dry runs of every third capture under valgrind's memcheck, which take four seconds each (the
# sanitizers of asan-clang see all of them): nothing may be read before it was written or after it was freed, and no memory may
# be lost. BINARY is the release's objects with a shared libc, since valgrind cannot follow the malloc() of a static one. First
# three programs that do such things have to be seen.
#
# Exit status: 0 clean, 1 not, 77 could not be tried (1 with CGINIT_MUST_RUN=1).
set -euo pipefail

binary=$(realpath "${1:?}")
captures=$(realpath "${2:?}")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
skip() {
    [ "${CGINIT_MUST_RUN-}" = 1 ] && fail "$* (and CGINIT_MUST_RUN=1)"
    printf 'SKIP: %s\n' "$*" >&2
    exit 77
}
command -v valgrind >/dev/null || skip "valgrind is missing (package valgrind)"

readonly kBad=99
memcheck() {
    valgrind --quiet --error-exitcode=$kBad --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all \
        --num-callers=20 "$@"
}

# seen_red NAME CODE: a program that is wrong.
seen_red() {
    local rc=0
    printf '#include <cstdlib>\n#include <string>\nint main(int argc, char**) { %s }\n' "$2" >"$dir/$1.cpp"
    "${CXX:-c++}" -O0 -w -o "$dir/$1" "$dir/$1.cpp"
    memcheck "$dir/$1" >"$dir/$1.log" 2>&1 || rc=$?
    [ "$rc" = $kBad ] || fail "$1 went unseen: $(cat "$dir/$1.log")"
}
# shellcheck disable=SC2016 # C++
seen_red uninitialised 'char* text = new char[8]; int rc = text[argc] == 1 ? 2 : 3; delete[] text; return rc;'
seen_red freed 'char* text = new char[8](); delete[] text; return text[argc];'
seen_red lost 'return new char[8]() == nullptr;'

# A refusal is an answer, too.
dry_run() {
    local rc=0
    memcheck "$binary" --root "$captures/$1.txt" --init-traits "$2" --dry-run >"$dir/$1.log" 2>&1 || rc=$?
    [ "$rc" = 0 ] || [ "$rc" = 125 ] || {
        printf '%s: exit status %d\n' "$1" "$rc"
        head -n 60 "$dir/$1.log"
    }
}

jobs=0
runs=0
all=("$captures"/*.txt)
for ((i = 0; i < ${#all[@]}; i += 3)); do
    if [ "$jobs" -ge "$(nproc)" ]; then
        wait -n || true
        jobs=$((jobs - 1))
    fi
    dry_run "$(basename "${all[i]}" .txt)" systemd:252 >>"$dir/wrong" &
    jobs=$((jobs + 1))
    runs=$((runs + 1))
done
wait
[ "$runs" -gt 0 ] || fail "no capture in $captures"
printf '%d dry runs under valgrind\n' "$runs"
[ ! -s "$dir/wrong" ] || { cat "$dir/wrong" >&2; fail "see above"; }
