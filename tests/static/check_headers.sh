#!/bin/bash
# A library that is built here is compiled against with its own header, and not with that of this machine's package.
#
#   check_headers.sh BUILD-FOLDER...
#
# What was read is what ninja wrote down. Exit status: 77 if nothing was built by ninja.
set -euo pipefail
rc=77
for build; do
    read=$(ninja -C "$build" -t deps 2>/dev/null) || continue
    [ "$rc" != 77 ] || rc=0
    for header in libmount/include/libmount/libmount.h libmount/include/blkid.h libcap/include/sys/capability.h; do
        [ -e "$build/$header" ] || continue
        name=${header#*/include/}
        found=$(grep -oE "[^ ]*/$name\$" <<<"$read" | sort -u || true)
        [ "$found" = "$(realpath "$build")/$header" ] || {
            echo "FAIL: $build: $name is ${found:-nowhere}; delete the build folder if it is an old one"
            rc=1
        }
    done
done
exit "$rc"
