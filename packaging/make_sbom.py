#!/usr/bin/python3
"""What is in each binary, as SPDX 2.3: the parts that its link map names, and the libraries that are headers alone.

    make_sbom.py --version VERSION --out FILE --binary DEBIAN=DOCKER=TRIPLET=BUILD...

An archive in a link map that is in no row here is an error: a part that nobody has told of.
"""

import argparse
import datetime
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.dont_write_bytecode = True
from architectures import Binary, epoch  # noqa: E402

ARCHIVE = re.compile(r"^(\S+\.a)\(", re.M)
VERSION = re.compile(r"(?:\d+:)?(\d[\w.+~]*?)(?:[-+].*)?$")
# Where this machine's own architecture and the cross compilers have the same part.
NATIVE, CROSS = "{name}", "{name}-{debian}-cross"
OWN_ARCHIVES = {"libcginit_core.a", "libcginit_io.a", "libcginit_app.a"}


class Part(NamedTuple):
    name: str
    licence: str
    archives: tuple  # of the link map; none: headers alone
    package: str  # Debian's, which knows the version; or a version
    has_cross_package: bool = False


PARTS = [
    Part("libmount", "LGPL-2.1-or-later", ("libmount.a",), "2.38.1"),
    Part("libcap", "BSD-3-Clause OR GPL-2.0-only", ("libcap.a",), "libcap-dev"),
    Part("glibc", "LGPL-2.1-or-later", ("libc.a", "libm.a", "libm-{}.a", "libmvec.a", "libpthread.a", "libdl.a", "librt.a"), "libc6-dev",
         True),
    Part("libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1", ("libstdc++.a",), "libstdc++-12-dev", True),
    Part("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", ("libgcc.a", "libgcc_eh.a", "libatomic.a"), "libgcc-12-dev", True),
    Part("CLI11", "BSD-3-Clause", (), "libcli11-dev"),
    Part("spdlog", "MIT", (), "libspdlog-dev"),
    Part("fmt", "MIT", (), "libfmt-dev"),
    Part("nlohmann-json", "MIT", (), "nlohmann-json3-dev"),
]


def installed(package):
    """The version that dpkg has of it; empty if it has none."""
    result = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", package], capture_output=True, text=True, check=False)
    return result.stdout.splitlines()[0] if result.returncode == 0 and result.stdout else ""


def version_of(part, binary, is_native):
    if part.package[0].isdigit():
        return part.package
    name = (NATIVE if is_native or not part.has_cross_package else CROSS).format(name=part.package, debian=binary.debian)
    version = installed(name)
    if not version:
        raise SystemExit(f"error: which version of {part.name} is in the binary for {binary.debian}? No package {name} is installed")
    return VERSION.match(version)[1]


def archives_of(binary):
    """The archives of which the link took something."""
    return {Path(name).name for name in ARCHIVE.findall((binary.build / "cginit.map").read_text())} - OWN_ARCHIVES


def parts_of(binary):
    found = archives_of(binary)
    known = {name: part for part in PARTS for name in part.archives}
    unknown = {name for name in found if name not in known and not re.fullmatch(r"libm-[\d.]+\.a", name)}
    if not found or unknown:
        raise SystemExit(f"error: {binary.build}/cginit.map names {', '.join(sorted(unknown)) or 'no archive'}, of which make_sbom.py knows nothing")
    return [part for part in PARTS if not part.archives or found & set(part.archives)]


def spdx_id(*words):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", "-".join(words))


def package_of(name, version, licence, identifier, **more):
    return {"SPDXID": identifier, "name": name, "versionInfo": version, "licenseConcluded": licence, "licenseDeclared": licence,
            "copyrightText": "NOASSERTION", "downloadLocation": "NOASSERTION", "filesAnalyzed": False, **more}


def document(version, binaries):
    native = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    packages, relations = {}, []
    for binary in binaries:
        whole = spdx_id("cginit", binary.debian)
        digest = hashlib.sha256(binary.file.read_bytes()).hexdigest()
        packages[whole] = package_of("cginit", version, "Apache-2.0", whole, packageFileName=f"cginit-linux-{binary.docker}",
                                     checksums=[{"algorithm": "SHA256", "checksumValue": digest}])
        relations.append(("SPDXRef-DOCUMENT", "DESCRIBES", whole))
        for part in parts_of(binary):
            of_part = version_of(part, binary, binary.debian == native)
            identifier = spdx_id(part.name, of_part)
            packages[identifier] = package_of(part.name, of_part, part.licence, identifier)
            relations.append((whole, "STATIC_LINK" if part.archives else "CONTAINS", identifier))
    created = datetime.datetime.fromtimestamp(epoch(), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    content = json.dumps([packages, relations], sort_keys=True)
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"cginit-{version}",
            "documentNamespace": f"urn:sha256:{hashlib.sha256(content.encode()).hexdigest()}",
            "creationInfo": {"created": created, "creators": ["Tool: make_sbom.py"]},
            "packages": [packages[identifier] for identifier in sorted(packages)],
            "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                              for one, kind, other in relations]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--binary", type=Binary.parse, action="append", required=True)
    arguments = parser.parse_args()
    arguments.out.write_text(json.dumps(document(arguments.version, arguments.binary), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
