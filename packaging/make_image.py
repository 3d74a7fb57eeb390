#!/usr/bin/python3
"""An OCI image layout in a tar: one image with one file for each architecture, behind one index.

    make_image.py --version VERSION --revision COMMIT --out FILE --binary DEBIAN=DOCKER=TRIPLET=BUILD...

The file is /cginit, and /usr/local/sbin/init with a link /init to it, for engines that look for an init by name; below
/usr/share/doc/cginit are the licences. The same binaries give the same bytes.
"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

sys.dont_write_bytecode = True
from architectures import PLATFORMS, Binary, epoch  # noqa: E402
from make_sbom import licences_of  # noqa: E402

INDEX, MANIFEST = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"
LINKS = {"init": "usr/local/sbin/init", "usr/local/sbin/init": "../../../cginit"}
SOURCE = Path(__file__).resolve().parents[1]
DOCUMENTS = "usr/share/doc/cginit"


class Layout:
    """Blobs by their digests."""

    def __init__(self):
        self.blobs = {}

    def add(self, media_type, data, **more):
        if not isinstance(data, bytes):
            data = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data), **more}


def entry(name, mode, kind=tarfile.REGTYPE, link="", size=0):
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.linkname, info.size, info.mtime = mode, kind, link, size, epoch()
    return info


def documents_of(binary):
    """{name: file}: the licences of the program and of what is linked into it."""
    texts = [SOURCE / "LICENSE", SOURCE / "docs/third-party.md", *sorted(binary.build.glob("lib*/licenses/*"))]
    return {f"{DOCUMENTS}/{path.name}": path for path in texts}


def layer_of(binary):
    """The tar: not compressed, since its digest is asked for, too."""
    files = {"cginit": binary.file, **documents_of(binary)}
    folders = {str(folder) for name in (*files, *LINKS) for folder in Path(name).parents} - {"."}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        # The program first: who copies it alone need not read further.
        for name in ["cginit", *sorted({*files, *LINKS, *folders} - {"cginit"})]:
            if name in folders:
                tar.addfile(entry(name, 0o755, tarfile.DIRTYPE))
            elif name in LINKS:
                tar.addfile(entry(name, 0o777, tarfile.SYMTYPE, LINKS[name]))
            else:
                data = files[name].read_bytes()
                tar.addfile(entry(name, 0o755 if name == "cginit" else 0o644, size=len(data)), io.BytesIO(data))
    return stream.getvalue()


def add_image(layout, binary, version, revision):
    tar = layer_of(binary)
    architecture, variant = PLATFORMS[binary.docker]
    platform = {"architecture": architecture, "os": "linux", **({"variant": variant} if variant else {})}
    created = datetime.datetime.fromtimestamp(epoch(), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {f"org.opencontainers.image.{name}": value for name, value in (
        ("title", "cginit"), ("version", version), ("revision", revision), ("created", created), ("licenses", licences_of(binary)))}
    running = {"Entrypoint": ["/cginit"], "StopSignal": "SIGRTMIN+3", "Labels": labels}
    config = layout.add(CONFIG, {**platform, "created": created, "config": running,
                                 "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
                                 "history": [{"created": created, "created_by": "cginit"}]})
    layer = layout.add(LAYER, gzip.compress(tar, 9, mtime=0))
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": labels}
    return layout.add(MANIFEST, manifest, platform=platform)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--binary", type=Binary.parse, action="append", required=True)
    arguments = parser.parse_args()
    layout = Layout()
    images = [add_image(layout, binary, arguments.version, arguments.revision) for binary in arguments.binary]
    whole = layout.add(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": images})
    # What it is called where it is loaded: by Podman and skopeo, and by containerd and Docker.
    whole["annotations"] = {"org.opencontainers.image.ref.name": f"cginit:{arguments.version}",
                            "io.containerd.image.name": f"docker.io/library/cginit:{arguments.version}"}
    files = {"oci-layout": {"imageLayoutVersion": "1.0.0"}, "index.json": {"schemaVersion": 2, "mediaType": INDEX, "manifests": [whole]}}
    with tarfile.open(arguments.out, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, value in files.items():
            data = json.dumps(value, sort_keys=True).encode()
            tar.addfile(entry(name, 0o644, size=len(data)), io.BytesIO(data))
        for name in ("blobs", "blobs/sha256"):
            tar.addfile(entry(name, 0o755, tarfile.DIRTYPE))
        for digest, data in sorted(layout.blobs.items()):
            tar.addfile(entry(f"blobs/sha256/{digest}", 0o644, size=len(data)), io.BytesIO(data))


if __name__ == "__main__":
    main()
