#!/bin/bash
# Static libraries, kept in a cache outside of the source tree: libmount of util-linux 2.38.1, and libcap 2.66 for another
# architecture than this machine's, whose own package has it.
#
#   build.sh check                    exit 1 and name what is missing, unless the cache already has the library
#   build.sh build --out DIR          put DIR/include/libmount/libmount.h, DIR/include/blkid.h and DIR/lib/libmount.a there, or
#                                     DIR/include/sys/capability.h and DIR/lib/libcap.a; the licences; and DIR/source, which
#                                     says of what it was made: `deb` or `local`, the source package, its whole version
#   build.sh source --out DIR         put the source package there (what the LGPL asks to be passed on)
#
#   --library NAME    mount (the default) or cap
#   --source PATH     an unpacked release of util-linux 2.38.1, or a tarball of it, instead of apt's source package
#   --cc COMPILER     the C compiler (default: $CC, cc)
#   --host TRIPLET    for a cross build: that of the tools, passed to configure
#
# The cache is ${CGINIT_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cginit}. An entry is named after everything that goes
# into it (version, flags, compiler, source, this file) and appears by rename: whatever is there is whole.
#
# util-linux 2.38.1 and not newer: from 2.39 libmount uses the new mount API and does not fall back when seccomp answers EPERM.
set -euo pipefail

# NAME of the library: its source package, and the version that it has to be.
readonly -A kPackages=([mount]=util-linux [cap]=libcap2) kVersions=([mount]=2.38.1 [cap]=2.66)
readonly kCflags='-Os -ffunction-sections -fdata-sections -fno-pie -fno-pic'
readonly kConfigure=(
    --disable-all-programs --enable-libmount --enable-libblkid --disable-shared --enable-static --without-selinux
    --without-systemd --without-cryptsetup --without-econf --without-udev --disable-nls --disable-gtk-doc
)
# What libtool would put into libmount.a; the lists are known once the makefile was read.
# shellcheck disable=SC2016 # make's
readonly kObjects='
.SECONDEXPANSION:
.PHONY: cginit-objects
cginit-objects: $$(libmount_la_OBJECTS) $$(libcommon_la_OBJECTS)
	$(AR) cr cginit.a $(libmount_la_OBJECTS:.lo=.o) $(libcommon_la_OBJECTS:.lo=.o)
'

say() { printf 'lib%s: %s\n' "$library" "$*" >&2; }
die() {
    say "error: $1"
    shift
    [ $# -eq 0 ] || printf '    %s\n' "$@" >&2
    exit 1
}

command=${1-}
[ $# -gt 0 ] && shift
library=mount out='' source='' cc=${CC:-cc} host=''
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || die "$1 needs a value"
    case $1 in
        --library) library=$2 ;;
        --out) out=$2 ;;
        --source) source=$2 ;;
        --cc) cc=$2 ;;
        --host) host=$2 ;;
        *) die "unknown option $1" ;;
    esac
    shift 2
done

readonly package=${kPackages[$library]-} version=${kVersions[$library]-}
[ -n "$package" ] || die "no such library: $library" "libraries: ${!kPackages[*]}"
hand_over="name an archive that has it in apt's configuration."
why=''
[ "$library" != mount ] || why='(later ones use the new mount API and do not fall back where seccomp refuses it).'
[ "$library" != mount ] || hand_over="Hand over a local one with -DCGINIT_UTIL_LINUX_SOURCE=<folder or tarball of util-linux $version>."
readonly hand_over why
[ "$library" = mount ] || [ -z "$source" ] || die "--source is for --library mount"

[ -z "$source" ] || [ -e "$source" ] || die "no such file or folder: $source" "$hand_over"

if [ -n "${CGINIT_CACHE_DIR-}" ]; then
    cache=$CGINIT_CACHE_DIR
elif [ -n "${XDG_CACHE_HOME-}" ]; then
    cache=$XDG_CACHE_HOME/cginit
else
    cache=${HOME:?neither CGINIT_CACHE_DIR nor XDG_CACHE_HOME nor HOME is set}/.cache/cginit
fi

# What identifies a local source: the tarball's bytes, or every file of the folder.
source_id() {
    if [ -z "$source" ]; then
        echo apt
    elif [ -f "$source" ]; then
        sha256sum <"$source"
    elif [ -d "$source" ]; then
        (cd "$source" && find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | sha256sum
    fi
}

compiler_id() {
    command -v "$cc" >/dev/null || return 0  # check names it
    "$cc" --version | head -n 1
    "$cc" -dumpmachine
}

entry_name() {
    local id
    id=$({
        compiler_id
        source_id
        printf '%s\n' "$version" "$kCflags" "${kConfigure[*]}" "$host"
        cat "${BASH_SOURCE[0]}"
    } | sha256sum)
    echo "lib$library-$version-${id:0:16}"
}

# Prints "tool (package)" for everything that is not there.
missing_tools() {
    local pair
    local pairs=(make:make flock:util-linux tar:tar xz:xz-utils)
    [ "$library" != mount ] || pairs+=(bison:bison pkg-config:pkg-config)
    if [ -z "$source" ]; then
        pairs+=(apt-get:apt dpkg-source:dpkg-dev patch:patch)
    fi
    for pair in "${pairs[@]}"; do
        command -v "${pair%%:*}" >/dev/null || echo "${pair%%:*} (${pair#*:})"
    done
    command -v "$cc" >/dev/null || echo "$cc (gcc)"
}

# The machine's own package sources, as source entries, and only those of its own release: no host name is known here,
# mirrors, keyrings and every other setting are taken as they stand. Third-party archives have no business here.
write_private_sources() {
    local dir=$1 list parts file words
    # shellcheck disable=SC1091
    words=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
    # apt knows the release by its code name or by one of these.
    words="(${words:-stable}|stable|oldstable|oldoldstable|testing|unstable|sid)(-[a-z-]+)?(/updates)?"
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    mkdir -p "$dir/sources.list.d"
    : >"$dir/sources.list"
    for file in "$list" "$parts"/*.list; do
        [ -f "$file" ] || continue
        # deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror/debian bookworm main
        sed -E -n "s#^[[:space:]]*deb([[:space:]].*[[:space:]]${words}[[:space:]].*)#deb-src\1#p" "$file" >>"$dir/sources.list"
    done
    for file in "$parts"/*.sources; do
        [ -f "$file" ] || continue
        # A stanza:  Types: deb / URIs: http://mirror/debian / Suites: bookworm bookworm-updates / Components: main / Signed-By: ...
        awk -v suite="^$words\$" '
            function flush_stanza(   i, n, w, hit) {
                n = split(suites, w, /[ \t]+/)
                for (i = 1; i <= n; i++) if (w[i] ~ suite) hit = 1
                if (hit && enabled && binary) print stanza
                stanza = suites = ""; enabled = 1; binary = 0
            }
            BEGIN { enabled = 1 }
            /^[ \t]*$/ { flush_stanza(); next }
            /^#/ { next }
            tolower($1) == "types:" { binary = / deb( |$)/; $0 = "Types: deb-src" }
            tolower($1) == "enabled:" { enabled = tolower($2) !~ /^(no|false|off|0|without|disable)$/ }
            /^[^ \t]/ { field = tolower($1) }
            field == "suites:" { suites = suites " " $0 }
            { stanza = stanza $0 "\n" }
            END { flush_stanza() }' "$file" >"$dir/sources.list.d/$(basename "$file")"
    done
    if ! [ -s "$dir/sources.list" ] && ! grep -q . "$dir"/sources.list.d/* 2>/dev/null; then
        die "this machine's apt configuration names no archive of its own release to take $package from" "$hand_over"
    fi
    # The machine's update hooks clean the machine's own caches: not ours to run. -c is read last.
    cat >"$dir/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$dir/sources.list.d";
Dir::State::lists "$dir/lists";
Dir::Cache "$dir/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONF
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
}

# Leaves the verified source package (.dsc and what it names) in $kept. apt checks the whole chain: Release
# signature -> Sources -> .dsc -> tarballs; no switch that would weaken it is used.
fetch_source_package() {
    local dir versions found
    if [ -d "$kept" ]; then
        return
    fi
    # Below /tmp and open to all: apt drops to its own user and must reach it.
    dir=$(mktemp -d "${TMPDIR:-/tmp}/cginit-apt.XXXXXX")
    scratch+=("$dir")
    chmod 755 "$dir"
    write_private_sources "$dir"
    say "reading the source lists of the configured archives"
    apt-get -c "$dir/apt.conf" -qq update ||
        say "apt-get update had errors (above); going on with what it got"
    versions=$(apt-cache -c "$dir/apt.conf" showsrc --only-source "$package" 2>/dev/null |
        sed -n 's/^Version: //p' | sort -uV || true)
    # 1:2.66-4+deb12u3
    found=$(grep -E "^([0-9]+:)?${version//./\\.}-" <<<"$versions" | tail -n 1 || true)
    if [ -z "$found" ]; then
        versions=${versions//$'\n'/, }
        die "the configured archives offer ${versions:-no source} of $package, but $version is needed" ${why:+"$why"} "$hand_over"
    fi
    mkdir "$dir/package"
    if [ "$(id -u)" = 0 ] && id _apt >/dev/null 2>&1; then
        chown _apt "$dir/package"
    fi
    say "fetching the source package $package $found"
    (cd "$dir/package" && apt-get -c "$dir/apt.conf" -qq --download-only --only-source source "$package=$found") ||
        die "apt-get source $package=$found failed" "$hand_over"
    ls "$dir"/package/*.dsc >/dev/null || die "apt-get source left no .dsc" "$hand_over"
    chmod 644 "$dir"/package/*
    rm -rf "$kept.part"
    cp -r "$dir/package" "$kept.part"
    mv "$kept.part" "$kept"
}

# Unpacks whatever the source is below $1; $top is then the folder that has ./configure.
unpack() {
    local dir=$1
    if [ -z "$source" ]; then
        fetch_source_package
        say "unpacking"
        # --no-check: apt has verified the .dsc by its checksum in the signed lists; the maintainer's key need not be here.
        dpkg-source --no-check -x "$kept"/*.dsc "$dir/src" >"$dir/unpack.log" 2>&1 ||
            die "dpkg-source failed" "$(tail -n 3 "$dir/unpack.log")"
        top=$dir/src
    elif [ -d "$source" ]; then
        # Copied: a folder that was configured before cannot be built out of tree, and is not ours to write to.
        cp -r "$source" "$dir/src"
        top=$dir/src
    else
        mkdir "$dir/src"
        tar -xf "$source" -C "$dir/src" || die "cannot unpack $source"
        top=$(find "$dir/src" -maxdepth 2 -name configure -printf '%h\n' | head -n 1)
    fi
    [ "$library" = mount ] || return 0
    if [ -z "$top" ] || ! [ -x "$top/configure" ]; then
        die "${source:-the source package} has no ./configure: a release tarball is needed, not a repository checkout"
    fi
    if ! grep -q "^PACKAGE_VERSION='$version'" "$top/configure"; then
        die "${source:-the source package} is util-linux $(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$top/configure"), but $version is needed" \
            "$why"
    fi
    if [ -f "$top/Makefile" ]; then
        make -C "$top" -s distclean >/dev/null 2>&1 || true
    fi
}

# Of libcap alone what can be linked: no threads' own sets, no programs.
build_cap() {
    make -C "$top/libcap" -j"$(nproc)" CC="$cc" BUILD_CC="${BUILD_CC:-cc} -no-pie" AR="${host:+$host-}ar" RANLIB="${host:+$host-}ranlib" \
        COPTS="$kCflags" USE_GPERF=no lib=lib libcap.a >"$log" 2>&1 || die "make failed; the end of its output:" "$(tail -n 15 "$log")"
    mkdir -p "$dir/entry/include/sys" "$dir/entry/lib" "$dir/entry/licenses"
    cp "$top/libcap/include/sys/capability.h" "$dir/entry/include/sys/"
    cp "$top/libcap/libcap.a" "$dir/entry/lib/"
    cp "$top/License" "$dir/entry/licenses/libcap"
}

build_mount() {
    say "configuring util-linux $version"
    # Most of the time goes to starting shells, and libtool is one, too: the quickest there is.
    (
        cd "$top"
        shell=$(command -v dash || command -v bash)
        export CONFIG_SHELL=$shell
        "$shell" ./configure CC="$cc" CFLAGS="$kCflags" LDFLAGS=-no-pie ${host:+--host="$host"} "${kConfigure[@]}"
    ) >"$log" 2>&1 || die "configure failed; the end of its output:" "$(tail -n 15 "$log")"
    say "compiling libmount.a"
    # Its objects alone: of libblkid, on which libmount.la depends, nothing is taken. The tarball's time stamps must not send us
    # looking for the autotools.
    make -C "$top" -j"$(nproc)" ACLOCAL=: AUTOCONF=: AUTOMAKE=: AUTOHEADER=: --eval="$kObjects" cginit-objects \
        >>"$log" 2>&1 || die "make failed; the end of its output:" "$(tail -n 15 "$log")"
    mkdir -p "$dir/entry/include/libmount" "$dir/entry/lib" "$dir/entry/licenses"
    cp "$top/libmount/src/libmount.h" "$dir/entry/include/libmount/"
    cp "$top/libblkid/src/blkid.h" "$dir/entry/include/"
    cp "$top/cginit.a" "$dir/entry/lib/libmount.a"
    cp "$top/Documentation/licenses/COPYING.LGPL-2.1-or-later" "$dir/entry/licenses/"
}

build_entry() {
    local entry=$1 dir log missing
    missing=$(missing_tools)
    [ -z "$missing" ] || die "building lib$library needs: $(tr '\n' ',' <<<"$missing" | sed 's/,$//; s/,/, /g')"
    dir=$(mktemp -d "$cache/build.XXXXXX")
    scratch+=("$dir")
    unpack "$dir"
    log=$dir/build.log
    "build_$library"
    if [ -z "$source" ]; then
        echo "deb $package $(sed -n 's/^Version: //p' "$kept"/*.dsc)"
    else
        echo "local $package $version"
    fi >"$dir/entry/source"
    mv "$dir/entry" "$entry"
}

scratch=()
top=''
kept=$cache/$package-source-$version
cleanup() { [ ${#scratch[@]} -eq 0 ] || rm -rf --one-file-system "${scratch[@]}"; }
trap cleanup EXIT

case $command in
    check)
        entry=$cache/$(entry_name)
        [ -d "$entry" ] && exit 0
        missing=$(missing_tools)
        [ -z "$missing" ] && exit 0
        printf '%s\n' "$missing"
        exit 1
        ;;
    build | source)
        [ -n "$out" ] || die "$command needs --out DIR"
        mkdir -p "$cache" "$out"
        # Held until we exit: a second build of the same thing waits, then finds the entry.
        exec 9>"$cache/lib$library.lock"
        if ! flock -n 9; then
            say "waiting for another build that uses $cache"
            flock 9
        fi
        if [ "$command" = source ]; then
            [ -z "$source" ] || die "the source is $source: pass that on yourself"
            fetch_source_package
            cp -rT "$kept" "$out"
            exit 0
        fi
        entry=$cache/$(entry_name)
        if [ -d "$entry" ]; then
            say "found in the cache"
        else
            build_entry "$entry"
        fi
        rm -rf "${out:?}/include" "${out:?}/lib" "${out:?}/licenses"
        cp -rT "$entry" "$out"
        # Newer than what it was made from, whatever the cache's dates say.
        find "$out/include" "$out/lib" -exec touch {} +
        ;;
    *)
        die "usage: build.sh check|build|source [--library NAME] [--out DIR] [--source PATH] [--cc COMPILER] [--host TRIPLET]"
        ;;
esac
