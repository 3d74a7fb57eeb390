#!/bin/bash
# make-deb.sh ARCHITECTURE VERSION ROOT FILE: makes FILE, Debian's package of what `cmake --install` left in ROOT.
#
# CGINIT_MAINTAINER says who answers for it, as `Name <address>`. Times are SOURCE_DATE_EPOCH.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
architecture=$1 version=$2 file=$4
: "${SOURCE_DATE_EPOCH:?}"
maintainer=${CGINIT_MAINTAINER:-The cginit developers <cginit@localhost>}
umask 022
tree=$(mktemp -d "${TMPDIR:-/tmp}/cginit-deb.XXXXXX")
trap 'rm -rf --one-file-system "$tree"' EXIT
chmod 755 "$tree"
cp -r "$3"/. "$tree"

doc=$tree/usr/share/doc/cginit
mkdir -p "$tree/DEBIAN" "$tree/usr/share/lintian/overrides"
cp "$here/../CHANGELOG.md" "$doc"
rm -f "$doc/LICENSE"
cp "$here/debian/copyright" "$doc/copyright"
cp "$here/debian/lintian-overrides" "$tree/usr/share/lintian/overrides/cginit"
printf 'cginit (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' \
    "$version" "$maintainer" "$(date -R -u -d "@$SOURCE_DATE_EPOCH")" | gzip -n -9 >"$doc/changelog.gz"
find "$tree/usr/share/man" -type f -exec gzip -n -9 {} +
find "$tree" -type d -exec chmod 755 {} +
find "$tree/usr" -type f ! -perm -100 -exec chmod 644 {} +

(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
# As Debian's policy counts, whatever a folder takes on this file system: each file in whole KiB, and 1 for any other entry.
size=$(find "$tree" -mindepth 1 -path "$tree/DEBIAN" -prune -o -printf '%y %s\n' |
    awk '{ sum += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print sum }')
cat >"$tree/DEBIAN/control" <<CONTROL
Package: cginit
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $size
Section: admin
Priority: optional
Description: private, writable cgroups for the init of a container
 cginit starts before a container's init. It gives the container cgroups of
 its own, private and writable, and becomes the init: systemd boots on hosts
 with cgroup v1, hybrid or v2, without --privileged and without the host's
 cgroup tree. The engine's limits stay out of the container's reach.
 .
 The program is static: it can be copied or mounted into any container.
CONTROL
find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group --uniform-compression -Zxz --build "$tree" "$file"
