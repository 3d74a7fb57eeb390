#!/bin/bash
# pack.sh FOLDER: every capture as inputs of the fuzzer (input.hpp), one for each of a few ways to start cginit in it.
set -euo pipefail
cd "$(dirname "$0")/../captures"
folder=$1

# pack CAPTURE WISH...
pack() {
    local capture=$1
    shift
    printf '%s\n' "$@"
    # What is escaped is none of what it plays with.
    awk '/^-- end --$/ { exit }
        /^-- .* --$/ { kept = !/ \(escaped\) --$/; if (kept) print "== /" $2; next }
        kept' "$capture.txt"
    printf '== /run/\n== /run/lock/\n== /tmp/\n'
}

# With CAP_SYS_ADMIN, whatever was captured: with it the most is done.
allow() { sed -E 's/^(CapEff:\t).*/\10000003fffffffff/'; }

mkdir -p "$folder"
number=0
for capture in *.txt; do
    capture=${capture%.txt}
    wishes=('CGINIT_METHOD=bind' 'init busybox' 'CGINIT_LAYOUT=unified' 'CGINIT_INNER=never' 'init systemd:262')
    pack "$capture" 'init systemd:252' >"$folder/$capture"
    pack "$capture" 'init systemd:252' "${wishes[number % 5]}" | allow >"$folder/$capture.other"
    number=$((number + 1))
done
