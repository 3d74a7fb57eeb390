#!/bin/bash
# What the release binary promises about itself.
#
#   check_binary.sh shape BINARY        static, not PIE, stripped, within its budget
#   check_binary.sh nss BINARY          nothing of glibc's NSS was linked (reads BINARY.map)
#   check_binary.sh empty-root BINARY   --version and --help run where there is no file at all
#   check_binary.sh files BINARY [CAPTURE]
#                                       no run looks for a loader, NSS, locale or time zone file
#
# Exit status: 0 holds, 1 does not, 77 could not be tried (1 with CGINIT_MUST_RUN=1).
set -euo pipefail

readonly kBudget=2200000  # bytes
# Where the loader, NSS, iconv, locales and time zones live.
readonly kForbidden='"(/etc|/usr|/lib|/lib64)/|nsswitch|ld\.so|ld-linux|locale|gconv|zoneinfo|localtime'

fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
skip() {
    [ "${CGINIT_MUST_RUN-}" = 1 ] && fail "$* (and CGINIT_MUST_RUN=1)"
    printf 'SKIP: %s\n' "$*" >&2
    exit 77
}
need() { command -v "$1" >/dev/null || skip "$1 is missing (package $2)"; }

check=${1:?}
binary=$(realpath "${2:?}")
capture=${3-}
[ -z "$capture" ] || capture=$(realpath "$capture")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Everything that would send a careless program to its locale and time zone files.
provoking=(env -i LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8 LANGUAGE=de TZ=Europe/Berlin USER=root HOME=/root)

# $in_root: the command that enters a root folder, as root or as root of a user namespace of its own.
find_chroot() {
    need chroot coreutils
    in_root=(chroot)
    [ "$(id -u)" = 0 ] && return
    in_root=(unshare -r chroot)
    unshare -r true 2>/dev/null || skip "neither root nor allowed to make a user namespace"
}

# traced NAME COMMAND...: which paths the binary named, from its execve on, in $dir/NAME.
traced() {
    local name=$1 status=0
    shift
    "${provoking[@]}" strace -f -qq -e trace=%file,chdir -s 200 -o "$dir/$name.all" "$@" >"$dir/$name.out" 2>&1 || status=$?
    [ "$status" = 0 ] || [ "$name" = error ] || fail "$name: exit status $status: $(cat "$dir/$name.out")"
    # The last execve that succeeded is the binary's own; what went before belongs to env, chroot and unshare.
    awk '/execve\(/ && / = 0$/ { n = NR } { line[NR] = $0 } END { if (!n) exit 1; for (i = n + 1; i <= NR; i++) print line[i] }' \
        "$dir/$name.all" >"$dir/$name" || fail "$name: the binary was never executed: $(cat "$dir/$name.out")"
}

expect_version() {
    [[ $1 =~ ^(cginit\ )?[0-9]+\.[0-9]+\.[0-9]+ ]] || fail "--version printed '$1'"
}

case $check in
    shape)
        need readelf binutils
        header=$(readelf -hW "$binary")
        segments=$(readelf -lW "$binary")
        grep -Eq 'Type: +EXEC ' <<<"$header" || fail "not ET_EXEC: a PIE?"
        ! grep -Eq '^ +INTERP ' <<<"$segments" || fail "has a PT_INTERP: needs a loader"
        ! grep -Eq '^ +DYNAMIC ' <<<"$segments" || fail "has a PT_DYNAMIC: not fully static"
        ! grep -Eq 'GNU_STACK.* RWE' <<<"$segments" || fail "executable stack"
        ! readelf -SW "$binary" | grep -Eq ' \.(symtab|debug_info) ' || fail "not stripped"
        size=$(stat -c %s "$binary")
        printf '%s bytes of %s\n' "$size" "$kBudget"
        [ "$size" -le "$kBudget" ] || fail "$size bytes, the budget is $kBudget"
        ;;
    nss)
        [ -f "$binary.map" ] || fail "$binary.map is missing: the link is to leave it"
        ! grep -Eo 'libc\.a\((nss[a-z_]*|getXX[a-z_]*|getaddrinfo|(get|fget)(pw|gr|host|serv|net|proto)(nam|uid|gid|ent|by)[a-z_]*)\.o\)' "$binary.map" | sort -u | grep . ||
            fail "these members of libc.a lead to NSS"
        grep -q 'getpwnam_r' "$binary.map" || printf 'nothing asks for users or groups at all\n'
        ;;
    empty-root)
        find_chroot
        mkdir "$dir/root"
        cp "$binary" "$dir/root/cginit"
        expect_version "$("${provoking[@]}" PATH="$PATH" "${in_root[@]}" "$dir/root" /cginit --version)"
        "${provoking[@]}" PATH="$PATH" "${in_root[@]}" "$dir/root" /cginit --help >"$dir/help"
        [ "$(wc -l <"$dir/help")" -ge 5 ] || fail "--help printed: $(cat "$dir/help")"
        [ "$(ls -A "$dir/root")" = cginit ] || fail "left files behind: $(ls -A "$dir/root")"
        ;;
    files)
        need strace strace
        strace -qq -o /dev/null true 2>/dev/null || skip "strace may not trace here"
        traced version "$binary" --version
        traced help "$binary" --help
        traced error "$binary" --no-such-option
        for name in version help error; do
            # Nothing at all, but for glibc's start asking for the program's own path.
            ! grep -Ev '"/proc/self/exe"|AT_EMPTY_PATH' "$dir/$name" | grep '"' || fail "$name: named these files"
        done
        if [ -n "$capture" ]; then
            # The capture lies below its own folder; whatever else is named must not be one of those files.
            traced replay "$binary" --root "$capture" --init-traits systemd:252 --log-level debug --dry-run
            ! grep -Ev "\"$capture(/|\")" "$dir/replay" | grep -E "$kForbidden" || fail "replay: looked for these files"
        fi
        ;;
    *) fail "unknown check $check" ;;
esac
