#!/usr/bin/python3
"""What is in each binary, as SPDX 2.3: the parts that its link map names, and the libraries that are headers alone.

    make_sbom.py --version VERSION --out FILE --binary DEBIAN=DOCKER=TRIPLET=BUILD...

An archive in a link map that is in no row here is an error: a part that nobody has told of.
"""

import argparse
import datetime
import hashlib
import json
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

sys.dont_write_bytecode = True
from architectures import Binary, epoch  # noqa: E402

ARCHIVE = re.compile(r"^(\S+\.a)\(", re.M)
OWN_LICENCE = "Apache-2.0"
OWN_ARCHIVES = {"libcginit_core.a", "libcginit_io.a", "libcginit_app.a"}


class Part(NamedTuple):
    name: str
    licence: str
    archives: tuple  # of the link map; none: headers alone
    package: str = ""  # Debian's, which has the headers


PARTS = [
    Part("libmount", "LGPL-2.1-or-later", ("libmount.a",)),
    Part("libcap", "BSD-3-Clause OR GPL-2.0-only", ("libcap.a",)),
    Part("glibc", "LGPL-2.1-or-later", ("libc.a", "libm.a", "libmvec.a", "libpthread.a", "libdl.a", "librt.a")),
    Part("libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1", ("libstdc++.a",)),
    Part("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", ("libgcc.a", "libgcc_eh.a", "libatomic.a")),
    Part("CLI11", "BSD-3-Clause", (), "libcli11-dev"),
    Part("spdlog", "MIT", (), "libspdlog-dev"),
    Part("fmt", "MIT", (), "libfmt-dev"),
    Part("nlohmann-json", "MIT", (), "nlohmann-json3-dev"),
]


class Origin(NamedTuple):
    """Where a part came from: a package or a source package of this system, or sources from elsewhere."""
    name: str
    version: str
    architecture: str  # empty: from elsewhere

    @property
    def purl(self):
        words = f"{quote(self.name)}@{quote(self.version)}"
        if not self.architecture:
            return f"pkg:generic/{words}"
        return f"pkg:deb/{platform.freedesktop_os_release()['ID']}/{words}?arch={self.architecture}"


def output_of(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout if result.returncode == 0 else ""


def installed(package):
    said = output_of("dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\n", package).split()
    return Origin(*said[:3]) if said else None


def origin_of_archive(path):
    """What cmake/libraries/build.sh wrote down beside it, or the package that has it."""
    written = path.parent.parent / "source"
    if written.is_file():
        kind, name, version = written.read_text().split()
        return Origin(name, version, "source" if kind == "deb" else "")
    package = output_of("dpkg-query", "--search", str(path)).partition(": ")[0]
    return installed(package) if package else None


def archives_of(binary):
    """{name: file} of the archives of which the link took something."""
    named = {(binary.build / name).resolve() for name in ARCHIVE.findall((binary.build / "cginit.map").read_text())}
    # Of a libm that is a script, what it names: libm-2.36.a.
    return {re.sub(r"^libm-[\d.]+\.a$", "libm.a", path.name): path for path in named if path.name not in OWN_ARCHIVES}


def parts_of(binary):
    """(part, where it came from)"""
    found = archives_of(binary)
    unknown = set(found) - {name for part in PARTS for name in part.archives}
    if not found or unknown:
        named = ", ".join(sorted(unknown)) or "no archive"
        raise SystemExit(f"error: {binary.build}/cginit.map names {named}, of which make_sbom.py knows nothing")
    parts = []
    for part in PARTS:
        there = [found[name] for name in part.archives if name in found]
        if part.archives and not there:
            continue
        origin = origin_of_archive(there[0]) if there else installed(part.package)
        if origin is None:
            raise SystemExit(f"error: which version of {part.name} is in the binary for {binary.debian}? "
                             f"No package has {there[0] if there else part.package}")
        parts.append((part, origin))
    return parts


def licences_of(binary):
    """One expression for all that is in the binary."""
    parts = {f"({part.licence})" if " OR " in part.licence else part.licence for part, _ in parts_of(binary)}
    return " AND ".join([OWN_LICENCE, *sorted(parts)])


def spdx_id(*words):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", "-".join(words))


def package_of(name, version, licence, identifier, **more):
    return {"SPDXID": identifier, "name": name, "versionInfo": version, "licenseConcluded": licence, "licenseDeclared": licence,
            "copyrightText": "NOASSERTION", "downloadLocation": "NOASSERTION", "filesAnalyzed": False, **more}


def document(version, binaries):
    packages, relations = {}, []
    for binary in binaries:
        whole = spdx_id("cginit", binary.debian)
        digest = hashlib.sha256(binary.file.read_bytes()).hexdigest()
        packages[whole] = package_of("cginit", version, OWN_LICENCE, whole, packageFileName=f"cginit-linux-{binary.docker}",
                                     checksums=[{"algorithm": "SHA256", "checksumValue": digest}])
        relations.append(("SPDXRef-DOCUMENT", "DESCRIBES", whole))
        for part, origin in parts_of(binary):
            identifier = spdx_id(part.name, origin.name, origin.version)
            reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": origin.purl}
            packages[identifier] = package_of(part.name, origin.version, part.licence, identifier, externalRefs=[reference])
            relations.append((whole, "STATIC_LINK" if part.archives else "CONTAINS", identifier))
    created = datetime.datetime.fromtimestamp(epoch(), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    content = json.dumps([created, packages, relations], sort_keys=True)
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
