#!/bin/bash
# release.sh [--architectures ARCHITECTURE[,ARCHITECTURE]] [--key KEY] OUT: makes all files of a release in the new folder OUT.
#
#   cginit-linux-ARCH          the binary, ARCH as Docker spells it; beside it links in the spelling of `uname -m`
#   cginit-VERSION-ARCH.tar.gz the same with the manual page, completions, documents and profiles
#   cginit_VERSION_ARCH.deb    Debian's package, ARCH as Debian spells it
#   cginit-VERSION-ARCH-relink-kit.tar.xz
#                              what the LGPL asks for (docs/third-party.md)
#   cginit-VERSION-oci.tar     an image with the binary alone, of all architectures: COPY --from=cginit /cginit /cginit
#   cginit-VERSION.spdx.json   what is in each binary, with versions and licences
#   RELEASE-NOTES.md           the part of CHANGELOG.md
#   SHA256SUMS                 of all of these; with a key SHA256SUMS.asc, too
#
# ARCHITECTURE is one of amd64 arm64 armhf riscv64 ppc64el s390x, or all, which it is if nothing is said. KEY is gpg's. What is
# released is the commit, not what lies beside it, and the same commit gives the same bytes: SOURCE_DATE_EPOCH is the commit's, if
# nobody says another. Everything is there, or OUT is not: whatever ends it before, a signal too, leaves the logs of a step that
# failed, and nothing else.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/support/common.sh
. "$top/tests/support/common.sh"

readonly kAll='amd64 arm64 armhf riscv64 ppc64el s390x'
# Debian's name: CMake's preset, Docker's name, that of uname -m, the compiler's triplet.
readonly -A kArchitectures=(
    [amd64]='release amd64 x86_64 x86_64-linux-gnu'
    [arm64]='arm64 arm64 aarch64 aarch64-linux-gnu'
    [armhf]='armhf armv7 armv7l arm-linux-gnueabihf'
    [riscv64]='riscv64 riscv64 riscv64 riscv64-linux-gnu'
    [ppc64el]='ppc64el ppc64le ppc64le powerpc64le-linux-gnu'
    [s390x]='s390x s390x s390x s390x-linux-gnu'
)

usage() { sed -n '2,/^set/ s/^# \{0,1\}//p' "$0"; }

list=all key=''
while [ $# -gt 1 ]; do
    case $1 in
        --architectures) list=$2 ;;
        --key) key=$2 ;;
        *) die "unknown option $1" "$(usage)" ;;
    esac
    shift 2
done
if [ $# != 1 ] || [[ $1 = -* ]]; then die "which folder?" "$(usage)"; fi
out=$(realpath --canonicalize-missing "$1")

[ ! -e "$out" ] || die "$out is there already: name a new folder"
[ -d "$(dirname "$out")" ] || die "no such folder: $(dirname "$out")"
[ -w "$(dirname "$out")" ] || die "nothing can be written to $(dirname "$out")"
cd "$top"
[ "$list" != all ] || list=$kAll
read -r -a words <<<"${list//,/ }"
architectures=()
for architecture in "${words[@]}"; do
    [ -n "${kArchitectures[$architecture]-}" ] || die "no such architecture: $architecture" "architectures: $kAll, all"
    [[ " ${architectures[*]} " == *" $architecture "* ]] || architectures+=("$architecture")
done
[ ${#architectures[@]} -gt 0 ] || die "--architectures names none" "architectures: $kAll, all"
for tool in git cmake ninja make g++ dpkg dpkg-deb python3 scdoc tar gzip xz ${key:+gpg}; do
    command -v "$tool" >/dev/null || die "$tool is missing" "tests/support/install-deps.sh build package"
done
for architecture in "${architectures[@]}"; do
    read -r preset _ _ triplet <<<"${kArchitectures[$architecture]}"
    # The preset release is this machine's own compiler.
    [ "$preset" != release ] || [ "$(dpkg --print-architecture)" = "$architecture" ] ||
        die "$architecture is built on a machine that is $architecture: this one is $(dpkg --print-architecture)"
    [ "$preset" = release ] || command -v "$triplet-g++" >/dev/null ||
        die "no compiler for $architecture: $triplet-g++ is missing" "tests/support/install-deps.sh build $architecture"
done
[ -z "$(git status --porcelain)" ] || die "this checkout is not the commit that is to be released" "git stash, or commit what git status shows"
version=$(sed -n -E 's/^project\(cginit VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
revision=$(git rev-parse HEAD)
notes_of() { awk -v heading="$1" '/^## / { shown = $2 == heading } shown' CHANGELOG.md; }
notes=$(notes_of "$version")
[ -n "$notes" ] || notes=$(notes_of Unreleased)
grep -qvE '^(#.*|[[:space:]]*)$' <<<"$notes" || die "CHANGELOG.md says nothing of $version" "it has to have text below ## $version or ## Unreleased"
if [ -n "$key" ] && ! said=$(gpg --batch --local-user "$key" --detach-sign </dev/null 2>&1 >/dev/null); then
    die "gpg cannot sign with the key $key" "$said"
fi

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} LC_ALL=C TZ=UTC
# Whatever this user wants elsewhere: the commit alone says what is made.
unset XZ_DEFAULTS XZ_OPT GZIP TAR_OPTIONS CFLAGS CXXFLAGS CPPFLAGS LDFLAGS
umask 022
work='' logs='' part=''
clean_up() { [ -z "$work$logs$part" ] || rm -rf --one-file-system ${work:+"$work"} ${logs:+"$logs"} ${part:+"$part"}; }
stop() { # STATUS
    local child
    trap '' INT TERM HUP
    for child in $(jobs -p); do
        # Its group; in the moment before it has one, itself.
        kill -TERM -- "-$child" 2>/dev/null || kill -TERM "$child" 2>/dev/null || true
        wait_until 10 has_ended "$child" || kill -KILL -- "-$child" || true
    done
    printf 'stopped: nothing of it is left\n' >&2
    exit "$1"
}
has_ended() { ! kill -0 -- "-$1" 2>/dev/null; }
trap clean_up EXIT
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM
work=$(mktemp -d "${TMPDIR:-/tmp}/cginit-release.XXXXXX")
logs=$(mktemp -d "${TMPDIR:-/tmp}/cginit-release-logs.XXXXXX")
part=$(mktemp -d "$out.XXXXXX")
chmod 755 "$part"
mkdir "$work/source"
git -c tar.umask=0022 archive HEAD | tar -x --no-same-permissions -C "$work/source"

# step LOG TEXT COMMAND...
step() {
    local log=$logs/$1.log text=$2 kept=$logs
    shift 2
    # In a group of its own, to be stopped as a whole.
    run_step "$text" "$log" setsid "$@" && return
    logs=''
    die "$text failed: there is no $out" "the logs are in $kept"
}

pack() { # ARCHIVE FOLDER NAME
    find "$2/$3" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    tar -C "$2" -c --sort=name --owner=0 --group=0 --numeric-owner "$3" | gzip -n -9 >"$1"
}

built=()
cd "$work/source"
for architecture in "${architectures[@]}"; do
    read -r preset docker machine triplet <<<"${kArchitectures[$architecture]}"
    build=build/$preset
    step "$architecture-configure" "$architecture: configure" cmake --preset "$preset" -DCMAKE_INSTALL_PREFIX=/usr
    step "$architecture-build" "$architecture: build" cmake --build --preset "$preset" --target cginit manual relink-kit
    root=$work/$architecture/root
    step "$architecture-install" "$architecture: install" env DESTDIR="$root" cmake --install "$build"
    cp "$build/cginit" "$part/cginit-linux-$docker"
    [ "$machine" = "$docker" ] || ln -s "cginit-linux-$docker" "$part/cginit-linux-$machine"
    cp "$build/cginit-$version-relink-kit.tar.xz" "$part/cginit-$version-$docker-relink-kit.tar.xz"
    step "$architecture-package" "$architecture: package" packaging/make-deb.sh "$architecture" "$version" "$root" \
        "$part/cginit_${version}_$architecture.deb"
    folder=$work/$architecture/cginit-$version-$docker
    mkdir "$folder"
    cp "$build/cginit" "$build/cginit.8" README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md LICENSE "$folder"
    cp -r completions docs examples "$folder"
    # To which pages lead.
    install -D -m 644 -t "$folder/tests/captures" tests/captures/README.md
    mkdir "$folder/licenses"
    cp "$build"/lib*/licenses/* "$folder/licenses"
    pack "$part/cginit-$version-$docker.tar.gz" "$work/$architecture" "cginit-$version-$docker"
    built+=("$architecture=$docker=$triplet=$build")
done

step image "image" packaging/make_image.py --version "$version" --revision "$revision" --out "$part/cginit-$version-oci.tar" \
    "${built[@]/#/--binary=}"
step sbom "bill of materials" packaging/make_sbom.py --version "$version" --out "$part/cginit-$version.spdx.json" "${built[@]/#/--binary=}"
printf '%s\n' "$notes" >"$part/RELEASE-NOTES.md"
(cd "$part" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
[ -z "$key" ] || gpg --batch --local-user "$key" --armor --detach-sign "$part/SHA256SUMS"
mv -T "$part" "$out"
say "" "$out:"
ls -l "$out"
