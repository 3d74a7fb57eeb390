#!/bin/bash
# Packs what is needed to link cginit again with another libmount or libc.
#
#   make-kit.sh --name NAME --objects LIST --libmount DIR --libcap FILE --cxx COMPILER --out DIR [--source PATH]
#
# LIST names one object file per line; DIR of --libmount is what cmake/libraries/build.sh left. With --source the source
# of libmount goes in as well: PATH, or what apt offered where PATH is empty. Leaves DIR/NAME.tar.xz.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
with_source=no source=''
while [ $# -ge 2 ]; do
    case $1 in
        --name) name=$2 ;;
        --objects) objects=$2 ;;
        --libmount) libmount=$2 ;;
        --libcap) libcap=$2 ;;
        --cxx) cxx=$2 ;;
        --out) out=$2 ;;
        --source) with_source=yes source=$2 ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done

# package_of FILE: Debian's package that has it, and what that was made of. A cross compiler's libc is a package of its own.
package_of() {
    local package
    package=$(dpkg-query --search "$(realpath "$1")" 2>/dev/null | sed -n '1 s/: .*//p' || true)
    [ -n "$package" ] || { echo "  $1, which is no package's"; return; }
    dpkg-query -W -f '  ${Package} ${Version}, source package ${source:Package} ${source:Version}\n' "$package"
    # cross-toolchain-base 66 says nothing of the libc.
    [[ $package != *-cross ]] || dpkg-query -W -f '    made using ${Built-Using}\n' "$package"
}

# source_of FOLDER: what cmake/libraries/build.sh wrote down.
source_of() {
    local kind package version
    read -r kind package version <"$1/source"
    echo "  $(basename "$1"), built here of $package $version$([ "$kind" != deb ] || echo ", Debian's source package")"
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
kit=$dir/$name
mkdir -p "$kit/objects" "$kit/lib" "$kit/licenses"

objcopy=$("$cxx" -print-prog-name=objcopy)
# a/CMakeFiles/cginit_io.dir/read/status.cpp.o -> cginit_io.read.status.cpp.o
while IFS= read -r object; do
    flat=$(sed 's|.*/CMakeFiles/||; s|\.dir/|.|; s|\./||g; s|/|.|g' <<<"$object")
    # Without what only this compiler reads, for its own link-time optimization: that has paths of the build in it.
    "$objcopy" -R '.gnu.lto_*' -R '.gnu.debuglto_*' "$object" "$kit/objects/$flat"
done <"$objects"

cp "$libmount/lib/libmount.a" "$libcap" "$kit/lib/"
libcap_folder=$(dirname "$(dirname "$libcap")")
cp "$libmount"/licenses/* "$here/../../LICENSE" "$here/../../docs/third-party.md" "$kit/licenses/"
# One that was built here has its licence beside it.
[ ! -e "$libcap_folder/source" ] || cp "$libcap_folder"/licenses/* "$kit/licenses/"
sed "s|@CXX@|$(basename "$cxx")|" "$here/link.sh.in" >"$kit/link.sh"
chmod +x "$kit/link.sh"
{
    echo "Link cginit again:  ./link.sh [OUTPUT]     (LIBMOUNT=, CXX= and LDFLAGS= replace a part)"
    echo "Which parts, under which licence, and how: licenses/third-party.md"
    echo
    echo "Made with:"
    echo "  $("$cxx" --version | head -n 1)"
    package_of "$("$cxx" -print-file-name=libc.a)"
    if [ -e "$libcap_folder/source" ]; then source_of "$libcap_folder"; else package_of "$libcap"; fi
    source_of "$libmount"
    echo "How libmount was configured: util-linux-source/build-libmount.sh"
} >"$kit/README"

if [ "$with_source" = yes ]; then
    if [ -n "$source" ]; then
        mkdir "$kit/util-linux-source"
        cp -r "$source" "$kit/util-linux-source/"
    else
        "$here/../libraries/build.sh" source --out "$kit/util-linux-source"
    fi
    cp "$here/../libraries/build.sh" "$kit/util-linux-source/build-libmount.sh"
fi

# The same bytes from the same parts; with SOURCE_DATE_EPOCH at another time, too.
chmod -R u=rwX,go=rX "$kit"
tar -C "$dir" -caf "$out/$name.tar.xz" --sort=name --owner=0 --group=0 --numeric-owner \
    ${SOURCE_DATE_EPOCH:+--mtime="@$SOURCE_DATE_EPOCH"} "$name"
echo "$out/$name.tar.xz"
