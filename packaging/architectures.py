"""What the generators are told of each binary: `arm64=arm64=aarch64-linux-gnu=build/arm64` is Debian's name, Docker's name, the
compiler's triplet and the folder that it was built in."""

import os
from pathlib import Path
from typing import NamedTuple

# Docker's name: the architecture and variant of an image (OCI image-spec, platform; GOARCH and GOARM).
PLATFORMS = {"amd64": ("amd64", ""), "arm64": ("arm64", "v8"), "armv7": ("arm", "v7"), "riscv64": ("riscv64", ""),
             "ppc64le": ("ppc64le", ""), "s390x": ("s390x", "")}


class Binary(NamedTuple):
    debian: str
    docker: str
    triplet: str
    build: Path

    @classmethod
    def parse(cls, text):
        debian, docker, triplet, build = text.split("=")
        return cls(debian, docker, triplet, Path(build))

    @property
    def file(self):
        return self.build / "cginit"


def epoch():
    """Seconds; what is made says this time."""
    return int(os.environ["SOURCE_DATE_EPOCH"])
