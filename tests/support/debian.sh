# shellcheck shell=bash
# Root file systems from Debian's packages: source it after common.sh, do not run it. They come from the archive that this
# machine's apt is configured for (CGINIT_DEBIAN_MIRROR and CGINIT_DEBIAN_KEYRING name another one).

# The address of the Debian archive as apt itself understands its configuration, whatever format that is written in.
# 'http://HOST/debian/dists/bookworm/InRelease' HOST_debian_dists_bookworm_InRelease 0
archive_address() {
    local codename address
    if [ -n "${CGINIT_DEBIAN_MIRROR-}" ]; then
        echo "$CGINIT_DEBIAN_MIRROR"
        return
    fi
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && [ "${ID-}" = debian ] && echo "${VERSION_CODENAME:-sid}") ||
        die "this is no Debian system: set CGINIT_DEBIAN_MIRROR to the address of a Debian archive"
    address=$(apt-get update --print-uris 2>/dev/null |
        sed -n -E "s,^'([^']*)/dists/($codename|stable|oldstable|testing|unstable|sid)/InRelease'.*,\\1,p" | head -n 1)
    [ -n "$address" ] || die "apt's configuration names no Debian archive" "set CGINIT_DEBIAN_MIRROR to the address of one"
    echo "$address"
}

archive_keyring() {
    local keyring=${CGINIT_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
    [ -r "$keyring" ] || die "no keyring $keyring (package debian-archive-keyring)"
    echo "$keyring"
}

# ALONE is a package whose files are wanted without what it depends on.
make_debian() { # TARGET NAME SUITES PACKAGES [ALONE]
    local keyring address setting suites suite sources passed=()
    keyring=$(archive_keyring)
    address=$(archive_address)
    # Proxies and the like; mmdebstrap's apt does not read this machine's configuration.
    while read -r setting; do
        passed+=(--aptopt="$setting")
    done < <(apt-config dump | grep -E '^Acquire::(https?::|Retries)')
    # Debian's apt, with what mmdebstrap configured for the root file system.
    # shellcheck disable=SC2016 # the hook is for mmdebstrap's shell
    [ -z "${5-}" ] || passed+=(--customize-hook="cd \"\$1/tmp\" && APT_CONFIG=\"\$MMDEBSTRAP_APT_CONFIG\" apt-get download $5 &&
        dpkg-deb --extract $5_*.deb \"\$1\" && rm $5_*.deb")
    for suites in ${3//|/ }; do
        sources=()
        for suite in ${suites//+/ }; do
            sources+=("deb [signed-by=$keyring] $address $suite main")
        done
        # shellcheck disable=SC2016 # the hook is for mmdebstrap's shell
        ! mmdebstrap --mode=root --variant=minbase --include="$4" "${passed[@]}" \
            --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
            --aptopt='APT::Install-Recommends "false"' --aptopt="APT::Default-Release \"$suite\"" \
            --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \
            --customize-hook='cd "$1" && rm -rf var/lib/apt/lists/* var/cache/apt/*.bin etc/apt/sources.list.d/* \
                etc/apt/apt.conf.d/99mmdebstrap etc/resolv.conf && : >etc/apt/sources.list && : >etc/machine-id &&
                echo image >etc/hostname' \
            "${suites%%+*}" "$1" "${sources[@]}" || return 0
    done
    return 1
}
