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
# ARCHITECTURE is one of amd64 arm64 armhf riscv64 ppc64el s390x; all of them if nothing is said. KEY is gpg's. What is released
# is the commit, not what lies beside it, and the same commit gives the same bytes: SOURCE_DATE_EPOCH is the commit's, if nobody
# says another. Everything is there, or OUT is not.
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

architectures=$kAll key=''
while [ $# -gt 1 ]; do
    case $1 in
        --architectures) architectures=${2//,/ } ;;
        --key) key=$2 ;;
        *) die "unknown option $1" "$(usage)" ;;
    esac
    shift 2
done
if [ $# != 1 ] || [[ $1 = -* ]]; then die "which folder?" "$(usage)"; fi
out=$(realpath --canonicalize-missing "$1")

[ ! -e "$out" ] || die "$out is there already: name a new folder"
cd "$top"
for architecture in $architectures; do
    [ -n "${kArchitectures[$architecture]-}" ] || die "no such architecture: $architecture" "architectures: $kAll"
    read -r preset docker machine triplet <<<"${kArchitectures[$architecture]}"
    # The preset release is this machine's own compiler.
    [ "$preset" != release ] || [ "$(dpkg --print-architecture)" = "$architecture" ] ||
        die "$architecture is built on a machine that is $architecture: this one is $(dpkg --print-architecture)"
    [ "$preset" = release ] || command -v "$triplet-g++" >/dev/null ||
        die "no compiler for $architecture: $triplet-g++ is missing" "tests/support/install-deps.sh build $architecture"
done
for tool in git cmake dpkg-deb python3 tar; do
    command -v "$tool" >/dev/null || die "$tool is missing" "tests/support/install-deps.sh build package"
done
[ -z "$(git status --porcelain)" ] || die "this checkout is not the commit that is to be released" "git stash, or commit what git status shows"
[ -z "$key" ] || gpg --list-secret-keys "$key" >/dev/null 2>&1 || die "gpg has no secret key $key"

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} LC_ALL=C TZ=UTC
umask 022
work=$(mktemp -d "${TMPDIR:-/tmp}/cginit-release.XXXXXX")
part=$out.part
trap 'rm -rf --one-file-system "$work" "$part"' EXIT
rm -rf --one-file-system "$part"
mkdir -p "$part" "$work/source" "$work/logs"
git archive HEAD | tar -x -C "$work/source"
version=$(sed -n -E 's/^project\(cginit VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)

pack() { # ARCHIVE FOLDER NAME
    find "$2/$3" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    tar -C "$2" -c --sort=name --owner=0 --group=0 --numeric-owner "$3" | gzip -n -9 >"$1"
}

built=()
cd "$work/source"
for architecture in $architectures; do
    read -r preset docker machine triplet <<<"${kArchitectures[$architecture]}"
    log=$work/logs/$architecture.log build=build/$preset
    run_step "$architecture: configure" "$log" cmake --preset "$preset" -DCMAKE_INSTALL_PREFIX=/usr
    run_step "$architecture: build" "$log" cmake --build --preset "$preset" --target cginit manual relink-kit
    root=$work/$architecture/root
    run_step "$architecture: install" "$log" env DESTDIR="$root" cmake --install "$build"
    cp "$build/cginit" "$part/cginit-linux-$docker"
    [ "$machine" = "$docker" ] || ln -s "cginit-linux-$docker" "$part/cginit-linux-$machine"
    cp "$build/cginit-$version-relink-kit.tar.xz" "$part/cginit-$version-$docker-relink-kit.tar.xz"
    run_step "$architecture: package" "$log" packaging/make-deb.sh "$architecture" "$version" "$root" \
        "$part/cginit_${version}_$architecture.deb"
    folder=$work/$architecture/cginit-$version-$docker
    mkdir "$folder"
    cp "$build/cginit" README.md SECURITY.md CHANGELOG.md LICENSE "$folder"
    cp "$build/cginit.8" "$folder"
    cp -r completions docs examples "$folder"
    pack "$part/cginit-$version-$docker.tar.gz" "$work/$architecture" "cginit-$version-$docker"
    built+=("$architecture=$docker=$triplet=$build")
done

run_step "image" "$work/logs/image.log" packaging/make_image.py --version "$version" --out "$part/cginit-$version-oci.tar" \
    "${built[@]/#/--binary=}"
run_step "bill of materials" "$work/logs/sbom.log" packaging/make_sbom.py --version "$version" --out "$part/cginit-$version.spdx.json" \
    "${built[@]/#/--binary=}"
awk -v version="$version" '/^## / { shown = ($2 == version || $2 == "Unreleased") && !seen; seen = seen || shown } shown' CHANGELOG.md \
    >"$part/RELEASE-NOTES.md"
[ -s "$part/RELEASE-NOTES.md" ] || die "CHANGELOG.md says nothing of $version"
(cd "$part" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
[ -z "$key" ] || gpg --batch --local-user "$key" --armor --detach-sign "$part/SHA256SUMS"
mv "$part" "$out"
say "" "$out:"
ls -l "$out"
