"""packaging/release.sh makes all files of a release, and makes them again."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURE = "amd64"
VERSION = re.search(r"project\(cginit VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


def run(*command, check=True, **options):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace",
                            stdin=subprocess.DEVNULL, check=False, **options)
    assert not check or result.returncode == 0, f"$ {command}\n{result.stdout}{result.stderr}"
    return result


def clone(directory):
    run("git", "clone", "--quiet", ROOT, directory)
    return directory


def commit(checkout, file, text):
    (checkout / file).write_text(text)
    run("git", "-C", checkout, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--all", "--quiet", "--message", "Change")


def refused(result, said):
    assert result.returncode == 1 and result.stderr.startswith(f"error: {said}"), result.stdout + result.stderr


def release(checkout, out, *options, check=True, umask=0o022, **variables):
    return run(checkout / "packaging/release.sh", *options, out, check=check, umask=umask, env={**os.environ, **variables})


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    return clone(tmp_path_factory.mktemp("one") / "cginit")


@pytest.fixture(scope="session")
def kit(checkout, tmp_path_factory):
    out = tmp_path_factory.mktemp("released") / "kit"
    release(checkout, out, "--architectures", f"{ARCHITECTURE},{ARCHITECTURE}")
    return out


@pytest.fixture(params=["bookworm", "trixie"])
def unpacked_root(request, tmp_path):
    """A Debian without cginit: 12, and 13, whose init is the package's /usr/sbin/init."""
    root = tmp_path / "debian"
    root.mkdir()
    tar = run(ROOT / "tests/support/make-image.sh", request.param).stdout.splitlines()[-1]
    run("tar", "-C", root, "-xf", tar)
    (root / "cginit").unlink(missing_ok=True)
    return root


def test_each_file_is_there_with_its_sum(kit):
    sums = dict(reversed(line.split("  ")) for line in (kit / "SHA256SUMS").read_text().splitlines())
    files = {path.name for path in kit.iterdir() if not path.is_symlink()} - {"SHA256SUMS"}
    assert set(sums) == files
    assert all(hashlib.sha256((kit / name).read_bytes()).hexdigest() == digest for name, digest in sums.items())
    assert files == {"cginit-linux-amd64", f"cginit-{VERSION}-amd64.tar.gz", f"cginit_{VERSION}_amd64.deb", f"cginit-{VERSION}-oci.tar",
                     f"cginit-{VERSION}-amd64-relink-kit.tar.xz", f"cginit-{VERSION}.spdx.json", "RELEASE-NOTES.md"}
    assert os.readlink(kit / "cginit-linux-x86_64") == "cginit-linux-amd64"
    head = run("git", "-C", ROOT, "rev-parse", "HEAD").stdout[:12]
    said = run(kit / "cginit-linux-amd64", "--version").stdout
    assert re.fullmatch(rf"cginit {re.escape(VERSION)} \(commit {head}, x86_64, libmount 2\.38\.1\)\n", said), said


def other_file_system(path):
    """A folder on another file system, with room for a build; or `path`."""
    memory = Path("/dev/shm")
    if memory.is_dir() and memory.stat().st_dev != path.parent.stat().st_dev and shutil.disk_usage(memory).free > 300 << 20:
        return Path(tempfile.mkdtemp(dir=memory))
    path.mkdir(exist_ok=True)
    return path


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    """A home of gpg with one key, for this session alone."""
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    name = "A <a@example.org>"
    run("gpg", "--homedir", home, "--batch", "--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")
    yield home, name
    run("gpgconf", "--homedir", home, "--kill", "all")


@pytest.fixture(scope="session")
def again(kit, key, tmp_path_factory):
    """The kit once more: in another folder and on another file system, with libmount built anew, with other permissions, in another
    language and zone, and signed. What this user has set for the tools is another's, too."""
    directory = tmp_path_factory.mktemp("again")
    scratch = other_file_system(directory / "scratch")
    source = clone(directory / "a-longer-name-for-the-checkout")
    run("git", "-C", source, "config", "core.abbrev", "20")
    run("git", "-C", source, "config", "tar.umask", "0077")
    home, name = key
    release(source, directory / "kit", "--key", name, "--architectures", ARCHITECTURE, umask=0o077, TMPDIR=str(scratch),
            TZ="Asia/Kolkata", LANG="C.UTF-8", GNUPGHOME=str(home), CGINIT_CACHE_DIR=str(cache_with_sources(directory / "cache")),
            XZ_OPT="-0", GZIP="-1", TAR_OPTIONS="--owner=nobody:7", CXXFLAGS="-O0", CFLAGS="-O0")
    assert not any(scratch.iterdir()), "something is left"
    shutil.rmtree(scratch)
    return directory / "kit"


def cache_with_sources(cache):
    """An empty cache but for the source packages, which need not be fetched again."""
    cache.mkdir()
    of_all = Path(run("bash", "-c", ". tests/support/common.sh; echo $cache_dir", cwd=ROOT).stdout.strip())
    for source in of_all.glob("*-source*"):
        shutil.copytree(source, cache / source.name)
    return cache


def test_the_same_commit_gives_the_same_bytes(kit, again):
    assert {path.name for path in again.iterdir()} == {path.name for path in kit.iterdir()} | {"SHA256SUMS.asc"}
    assert not [path.name for path in kit.iterdir() if path.read_bytes() != (again / path.name).read_bytes()]
    assert again.stat().st_mode & 0o777 == kit.stat().st_mode & 0o777 == 0o755


def test_the_sums_are_signed(again, key):
    run("gpg", "--homedir", key[0], "--batch", "--verify", again / "SHA256SUMS.asc", again / "SHA256SUMS")


def bill_of(kit):
    """(all of it, {part: its entry})"""
    bill = json.loads(next(kit.glob("*.spdx.json")).read_text())
    return bill, {package["name"]: package for package in bill["packages"]}


def purl_of(package):
    reference, = package["externalRefs"]
    assert reference["referenceType"] == "purl" and reference["referenceCategory"] == "PACKAGE-MANAGER"
    return reference["referenceLocator"]


def installed(package):
    """(version, the version as a purl has it)"""
    version = run("dpkg-query", "-W", "-f", "${Version}", package).stdout
    return version, version.replace(":", "%3A").replace("+", "%2B")


PARTS = {"libmount", "libcap", "glibc", "libstdc++", "libgcc", "CLI11", "spdlog", "fmt", "nlohmann-json"}


def check_bill(kit, packages):
    """`packages` are those of which the parts are that stand in packages."""
    bill, parts = bill_of(kit)
    assert set(parts) == {"cginit"} | PARTS
    for part, (package, architecture) in packages.items():
        version, in_purl = installed(package)
        name = package.replace("+", "%2B")
        assert parts[part]["versionInfo"] == version
        assert purl_of(parts[part]) == f"pkg:deb/debian/{name}@{in_purl}?arch={architecture}"
    for part, source in {"libmount": "util-linux", "libcap": "libcap2"}.items():
        if part not in packages:
            assert re.fullmatch(rf"pkg:deb/debian/{source}@[\w.%-]+\?arch=source", purl_of(parts[part]))
            assert re.fullmatch(r"(2\.38\.1|1:2\.66)-[\w.+]+", parts[part]["versionInfo"])
    assert all(package["licenseDeclared"] for package in parts.values())
    ids = {package["SPDXID"] for package in bill["packages"]} | {"SPDXRef-DOCUMENT"}
    assert all({relation["spdxElementId"], relation["relatedSpdxElement"]} <= ids for relation in bill["relationships"])


HEADERS = {"CLI11": ("libcli11-dev", "all"), "spdlog": ("libspdlog-dev", "amd64"), "fmt": ("libfmt-dev", "amd64"),
           "nlohmann-json": ("nlohmann-json3-dev", "all")}


def test_the_bill_says_what_was_linked(kit):
    check_bill(kit, {**HEADERS, "glibc": ("libc6-dev", "amd64"), "libcap": ("libcap-dev", "amd64"),
                     "libstdc++": ("libstdc++-12-dev", "amd64"), "libgcc": ("libgcc-12-dev", "amd64")})


def test_the_bill_of_another_time_has_another_name(tmp_path):
    """What is in it besides is the same."""
    (tmp_path / "cginit").touch()
    (tmp_path / "cginit.map").write_text(f"{run('g++', '-print-file-name=libc.a').stdout.strip()}(x.o)\n")
    names = set()
    for second in ("1", "2"):
        run(ROOT / "packaging/make_sbom.py", "--version", "1", "--out", tmp_path / "bill",
            "--binary", f"amd64=amd64=x86_64-linux-gnu={tmp_path}", env={**os.environ, "SOURCE_DATE_EPOCH": second})
        names.add(json.loads((tmp_path / "bill").read_text())["documentNamespace"])
    assert len(names) == 2


@pytest.mark.parametrize("line, said", [
    ("/usr/lib/libnew.a(x.o)", "names libnew.a, of which make_sbom.py knows nothing"),
    ("/nowhere/libc.a(x.o)", "which version of glibc is in the binary for amd64? No package has /nowhere/libc.a"),
    ("", "names no archive, of which make_sbom.py knows nothing"),
])
def test_a_part_of_which_nobody_has_told_is_an_error(tmp_path, line, said):
    (tmp_path / "cginit").touch()
    (tmp_path / "cginit.map").write_text(line + "\n")
    result = run(ROOT / "packaging/make_sbom.py", "--version", "1", "--out", tmp_path / "bill", "--binary",
                 f"amd64=amd64=x86_64-linux-gnu={tmp_path}", check=False, env={**os.environ, "SOURCE_DATE_EPOCH": "1"})
    assert result.returncode == 1 and said in result.stderr, result.stderr


def unpacked(tar, directory):
    directory.mkdir()
    run("tar", "-C", directory, "--no-same-owner", "-xf", tar)
    return directory


def image_of(kit, directory):
    """(configuration, manifest, names in the layer, the folder of the layer)"""
    layout = unpacked(next(kit.glob("*-oci.tar")), directory / "layout")
    architecture = json.loads(next(layout.glob("index.json")).read_text())["manifests"][0]
    index = json.loads((layout / "blobs/sha256" / architecture["digest"].partition(":")[2]).read_text())
    platform = index["manifests"][0]["platform"]
    run("skopeo", "copy", "--quiet", "--override-arch", platform["architecture"], f"oci:{layout}:cginit:{VERSION}", f"dir:{directory}/copy")

    def blob(descriptor):
        return directory / "copy" / descriptor["digest"].partition(":")[2]

    manifest = json.loads((directory / "copy/manifest.json").read_text())
    layer, = manifest["layers"]
    names = [name.rstrip("/") for name in run("tar", "-tzf", blob(layer)).stdout.split()]
    return json.loads(blob(manifest["config"]).read_text()), manifest, names, unpacked(blob(layer), directory / "root")


def test_the_image_is_one_that_others_read(kit, checkout, tmp_path):
    config, manifest, names, root = image_of(kit, tmp_path)
    documents = ["COPYING.LGPL-2.1-or-later", "LICENSE", "third-party.md"]
    assert names == ["cginit", "init", "usr", "usr/local", "usr/local/sbin", "usr/local/sbin/init", "usr/share", "usr/share/doc",
                     "usr/share/doc/cginit", *[f"usr/share/doc/cginit/{name}" for name in documents]]
    assert (root / "usr/local/sbin/init").resolve() == root / "cginit"
    assert (root / "cginit").read_bytes() == (kit / "cginit-linux-amd64").read_bytes()
    assert (root / "usr/share/doc/cginit/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    running = config["config"]
    assert running["Entrypoint"] == ["/cginit"] and running["StopSignal"] == "SIGRTMIN+3" and config["architecture"] == "amd64"
    assert running["Labels"] == manifest["annotations"] == {f"org.opencontainers.image.{name}": value for name, value in {
        "title": "cginit", "version": VERSION, "created": config["created"],
        "revision": run("git", "-C", checkout, "rev-parse", "HEAD").stdout.strip(),
        "licenses": "Apache-2.0 AND (BSD-3-Clause OR GPL-2.0-only) AND BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1 "
                    "AND LGPL-2.1-or-later AND MIT"}.items()}


def relink_kit(kit, directory):
    run("tar", "-C", directory, "-xf", next(kit.glob("*-relink-kit.tar.xz")))
    return directory / f"cginit-{VERSION}-relink-kit"


TAKES_IT = f"""FROM scratch
COPY --from=cginit:{VERSION} /cginit /cginit
ENTRYPOINT ["/cginit"]
"""


@pytest.fixture()
def context(tmp_path):
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(TAKES_IT)
    return folder


def holds_only_cginit(kit, archive, directory):
    """Of an image that was saved as Docker saves it, without a registry."""
    run("skopeo", "copy", "--quiet", f"docker-archive:{archive}", f"dir:{directory}/copy")
    layer, = json.loads((directory / "copy/manifest.json").read_text())["layers"]
    (directory / "root").mkdir()
    run("tar", "-C", directory / "root", "-xf", directory / "copy" / layer["digest"].partition(":")[2])
    assert files_of(directory / "root") == {"cginit"}
    assert (directory / "root/cginit").read_bytes() == (kit / "cginit-linux-amd64").read_bytes()
    assert os.access(directory / "root/cginit", os.X_OK)


def test_podman_takes_it_from_the_image(kit, context, tmp_path):
    # Its name may have 50 characters.
    with tempfile.TemporaryDirectory(prefix="cginit-") as runroot:
        podman = ["unshare", "--mount", "podman", "--root", tmp_path / "storage", "--runroot", runroot, "--storage-driver", "vfs",
                  "--events-backend", "none", "--cgroup-manager", "cgroupfs"]
        assert f"cginit:{VERSION}" in run(*podman, "load", "--input", next(kit.glob("*-oci.tar"))).stdout
        run(*podman, "build", "--quiet", "--tag", "taken", context)
        run(*podman, "save", "--quiet", "--output", tmp_path / "taken.tar", "taken")
    holds_only_cginit(kit, tmp_path / "taken.tar", tmp_path)


@pytest.fixture()
def docker(tmp_path):
    """A daemon of its own, without a network: nothing is run in a container."""
    socket = f"unix://{tmp_path}/docker.sock"
    with open(tmp_path / "dockerd.log", "w") as log:
        daemon = subprocess.Popen(["unshare", "--mount", "dockerd", "--host", socket, "--data-root", tmp_path / "data", "--exec-root",
                                   tmp_path / "exec", "--pidfile", tmp_path / "docker.pid", "--bridge", "none", "--iptables=false",
                                   "--storage-driver", "vfs"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    client = ["docker", "--host", socket]
    try:
        while run(*client, "version", check=False).returncode != 0:
            assert daemon.poll() is None, (tmp_path / "dockerd.log").read_text()
            time.sleep(0.2)
        yield client
    finally:
        daemon.terminate()
        daemon.wait(60)


def test_docker_takes_it_from_the_image(kit, context, docker, tmp_path):
    """One that cannot load an image in OCI's form yet is given it in its own."""
    (tmp_path / "layout").mkdir()
    run("tar", "-C", tmp_path / "layout", "-xf", next(kit.glob("*-oci.tar")))
    run("skopeo", "copy", "--quiet", f"oci:{tmp_path}/layout:cginit:{VERSION}", f"docker-archive:{tmp_path}/image.tar:cginit:{VERSION}")
    assert f"cginit:{VERSION}" in run(*docker, "load", "--input", tmp_path / "image.tar").stdout
    run(*docker, "build", "--quiet", "--tag", "taken", context)
    run(*docker, "save", "--output", tmp_path / "taken.tar", "taken")
    holds_only_cginit(kit, tmp_path / "taken.tar", tmp_path)


def lines_of_packages(*packages):
    form = "  ${Package} ${Version}, source package ${source:Package} ${source:Version}\n"
    return run("dpkg-query", "-W", "-f", form, *packages).stdout.splitlines()


def test_the_relink_kit_names_what_it_holds(kit, tmp_path):
    lines = (relink_kit(kit, tmp_path) / "README").read_text().splitlines()
    assert set(lines_of_packages("libc6-dev", "libcap-dev")) <= set(lines)
    assert any(re.fullmatch(r"  libmount, built here of util-linux 2\.38\.1-\S+, Debian's source package", line) for line in lines), lines


@pytest.fixture(scope="session")
def cross_kit(tmp_path_factory):
    """That of another architecture, and of a changelog in which the version has a heading."""
    checkout = clone(tmp_path_factory.mktemp("cross") / "cginit")
    parts = {"Unreleased": "Not yet.", VERSION: "This one.", "0.0.1": "Before."}
    commit(checkout, "CHANGELOG.md", "# Changelog\n" + "".join(f"\n## {heading}\n\n- {text}\n" for heading, text in parts.items()))
    release(checkout, checkout.parent / "kit", "--architectures", "arm64")
    return checkout.parent / "kit"


def test_another_architectures_binary_runs(cross_kit):
    assert re.fullmatch(rf"cginit {re.escape(VERSION)} \(commit [0-9a-f]{{12}}, aarch64, libmount 2\.38\.1\)\n",
                        run("qemu-aarch64", cross_kit / "cginit-linux-arm64", "--version").stdout)
    assert os.readlink(cross_kit / "cginit-linux-aarch64") == "cginit-linux-arm64"
    assert run("dpkg-deb", "--field", next(cross_kit.glob("*.deb")), "Architecture").stdout == "arm64\n"


def test_the_versions_own_heading_is_the_notes(cross_kit):
    assert (cross_kit / "RELEASE-NOTES.md").read_text() == f"## {VERSION}\n\n- This one.\n"


def test_the_bill_names_the_cross_compilers_packages(cross_kit):
    check_bill(cross_kit, {**HEADERS, "glibc": ("libc6-dev-arm64-cross", "all"), "libstdc++": ("libstdc++-12-dev-arm64-cross", "all"),
                           "libgcc": ("libgcc-12-dev-arm64-cross", "all")})


def test_the_image_is_for_another_architecture(cross_kit, tmp_path):
    config, _, names, root = image_of(cross_kit, tmp_path)
    assert config["architecture"] == "arm64" and config["variant"] == "v8" and names[0] == "cginit"
    assert "binary forms of libcap" in (root / "usr/share/doc/cginit/libcap").read_text()


def test_the_relink_kit_links_for_another_architecture(cross_kit, tmp_path):
    folder = relink_kit(cross_kit, tmp_path)
    lines = (folder / "README").read_text().splitlines()
    assert set(lines_of_packages("libc6-dev-arm64-cross")) <= set(lines)
    assert any("made using" in line and "glibc (= 2." in line for line in lines)
    assert any(re.fullmatch(r"  libcap, built here of libcap2 1:2\.66-\S+, Debian's source package", line) for line in lines), lines
    assert (folder / "licenses/libcap").is_file() and "aarch64-linux-gnu-g++" in (folder / "link.sh").read_text()
    run(folder / "link.sh", "cginit", cwd=folder)
    said = [run("qemu-aarch64", file, "--version").stdout for file in (folder / "cginit", cross_kit / "cginit-linux-arm64")]
    assert said[0] == said[1]


def test_the_links_lead_somewhere(kit, tmp_path):
    """Of the pages in the tarball and in the package."""
    tarball = unpacked(next(kit.glob("*.tar.gz")), tmp_path / "tarball") / f"cginit-{VERSION}-amd64"
    run("dpkg-deb", "--extract", next(kit.glob("*.deb")), tmp_path / "package")
    for folder in (tarball, tmp_path / "package/usr/share/doc/cginit"):
        assert {folder / "README.md", folder / "docs/third-party.md"} <= set(folder.rglob("*.md"))
        run(ROOT / "tests/static/check_links.py", folder)
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (tarball / "licenses/COPYING.LGPL-2.1-or-later").read_text()


def test_the_package_is_as_debian_wants_it(kit):
    result = run("lintian", "--fail-on", "error,warning", "--allow-root", "--tag-display-limit", "0", next(kit.glob("*.deb")), check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_package_says_its_size_as_policy_counts(kit, tmp_path):
    package = next(kit.glob("*.deb"))
    run("dpkg-deb", "--extract", package, tmp_path)
    sizes = [-(-path.lstat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1 for path in tmp_path.rglob("*")]
    assert run("dpkg-deb", "--field", package, "Installed-Size").stdout == f"{sum(sizes)}\n"


def files_of(root):
    """All but what dpkg writes down of itself."""
    names = {str(path.relative_to(root)) for path in root.rglob("*")}
    return {name for name in names if not name.startswith(("var/lib/dpkg", "var/log"))}


def test_the_package_comes_and_goes(kit, unpacked_root):
    root, package = unpacked_root, next(kit.glob("*.deb"))
    before = files_of(root)
    shutil.copy(package, root / "cginit.deb")
    run("chroot", root, "dpkg", "--install", "/cginit.deb")
    (root / "cginit.deb").unlink()
    assert run("chroot", root, "cginit", "--version").stdout.startswith("cginit ")
    there = files_of(root) - before
    assert {"usr/sbin/cginit", "usr/share/bash-completion/completions/cginit", "usr/share/zsh/site-functions/_cginit",
            "usr/share/fish/vendor_completions.d/cginit.fish"} <= there
    owned = run("chroot", root, "dpkg-query", "--search", "*/sbin/init").stdout.split()[-1]
    run("chroot", root, "dpkg-divert", "--local", "--rename", "--add", "--divert", f"{owned}.distrib", owned)
    run("chroot", root, "ln", "/usr/sbin/cginit", owned)
    init = root / owned[1:]
    assert init.samefile(root / "usr/sbin/cginit") and init.with_suffix(".distrib").is_symlink()
    init.unlink()
    run("chroot", root, "dpkg-divert", "--local", "--rename", "--remove", owned)
    run("chroot", root, "dpkg", "--purge", "cginit")
    assert files_of(root) == before
    assert not run("chroot", root, "dpkg-query", "-W", "cginit", check=False).stdout


def test_a_dirty_checkout_is_not_released(tmp_path):
    checkout = clone(tmp_path / "cginit")
    (checkout / "README.md").write_text("changed")
    refused(release(checkout, tmp_path / "kit", check=False), "this checkout is not the commit that is to be released")
    assert [path.name for path in tmp_path.iterdir()] == ["cginit"]


@pytest.mark.parametrize("options, said", [
    (["--architectures", "mips"], "no such architecture: mips"),
    (["--architectures", ","], "--architectures names none"),
    (["--architectures", ""], "--architectures names none"),
    (["--key", "nobody@nowhere"], "gpg cannot sign with the key nobody@nowhere"),
    (["--nonsense", "x"], "unknown option --nonsense"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_wrong_option_is_named(checkout, tmp_path, options, said):
    (tmp_path / "gpg").mkdir(mode=0o700)
    refused(release(checkout, tmp_path / "kit", *options, check=False, GNUPGHOME=str(tmp_path / "gpg")), said)
    assert [path.name for path in tmp_path.iterdir()] == ["gpg"]


def test_there_is_a_folder_for_it(checkout, tmp_path):
    refused(release(checkout, tmp_path / "nowhere/kit", check=False), f"no such folder: {tmp_path}/nowhere")
    (tmp_path / "kit").mkdir()
    refused(release(checkout, tmp_path / "kit", check=False), f"{tmp_path}/kit is there already")


def test_the_folder_can_be_written_to():
    """Root can write anywhere: as another user, who must get at the script."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        checkout = clone(Path(directory) / "cginit")
        result = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", checkout / "packaging/release.sh", f"{directory}/kit",
                     check=False)
        refused(result, f"nothing can be written to {directory}")


def path_without(directory, *names):
    """A folder of all programs but these."""
    directory.mkdir()
    for folder in ("/usr/bin", "/usr/sbin"):
        for program in Path(folder).iterdir():
            if program.name not in names and not (directory / program.name).is_symlink():
                (directory / program.name).symlink_to(program)
    return str(directory)


@pytest.mark.parametrize("missing, options", [
    *[(tool, []) for tool in ("scdoc", "ninja", "xz", "gzip", "g++")], ("gpg", ["--key", "x"]),
    ("aarch64-linux-gnu-g++", ["--architectures", "all"]),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_missing_tool_is_named(checkout, tmp_path, missing, options):
    result = release(checkout, tmp_path / "kit", *options, check=False, PATH=path_without(tmp_path / "bin", missing))
    refused(result, f"no compiler for arm64: {missing} is missing" if "all" in options else f"{missing} is missing")
    assert "install-deps.sh build" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_another_machines_binary_is_not_said_to_be_amd64(checkout, tmp_path):
    path = path_without(tmp_path / "bin", "dpkg")
    (tmp_path / "bin/dpkg").write_text("#!/bin/sh\necho arm64\n")
    (tmp_path / "bin/dpkg").chmod(0o755)
    result = release(checkout, tmp_path / "kit", "--architectures", "amd64", check=False, PATH=path)
    refused(result, "amd64 is built on a machine that is amd64: this one is arm64")


@pytest.mark.parametrize("changelog", ["", "## Unreleased\n\n### Added\n", "## Unreleased\n\n- New.\n\n## VERSION\n\n### Added\n"])
def test_a_release_of_which_nothing_is_said_is_none(tmp_path, changelog):
    checkout = clone(tmp_path / "cginit")
    commit(checkout, "CHANGELOG.md", "# Changelog\n\n" + changelog.replace("VERSION", VERSION))
    refused(release(checkout, tmp_path / "kit", check=False), f"CHANGELOG.md says nothing of {VERSION}")


def test_a_failed_step_leaves_its_log(tmp_path):
    (tmp_path / "scratch").mkdir()
    checkout = clone(tmp_path / "cginit")
    commit(checkout, "CMakeLists.txt", 'message(FATAL_ERROR "broken here")\n' + (checkout / "CMakeLists.txt").read_text())
    result = release(checkout, tmp_path / "kit", "--architectures", ARCHITECTURE, check=False, TMPDIR=str(tmp_path / "scratch"))
    said = re.search(r"^error: amd64: configure failed: there is no .*/kit\n    the logs are in (.*)$", result.stderr, re.M)
    assert result.returncode == 1 and said, result.stderr
    assert list((tmp_path / "scratch").iterdir()) == [Path(said[1])]
    assert "broken here" in (Path(said[1]) / "amd64-configure.log").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"cginit", "scratch"}


def processes_of(word):
    lines = run("ps", "-eo", "pid,args").stdout.splitlines()
    return [line for line in lines if str(word) in line and str(os.getpid()) != line.split()[0]]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_one_that_is_stopped_leaves_nothing(checkout, tmp_path, name):
    scratch, mine = tmp_path / "scratch", tmp_path / "kit.part"
    scratch.mkdir()
    mine.mkdir()
    with subprocess.Popen([checkout / "packaging/release.sh", "--architectures", ARCHITECTURE, tmp_path / "kit"], text=True,
                          env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for line in process.stdout:
            if line.startswith("amd64: build"):
                break
        deadline = time.monotonic() + 120
        while not any("cc1plus" in line for line in processes_of(scratch)):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        process.send_signal(getattr(signal, name))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, name), errors
    assert errors == "stopped: nothing of it is left\n"
    assert not processes_of(scratch)
    assert not list(scratch.iterdir()) and {path.name for path in tmp_path.iterdir()} == {"scratch", "kit.part"}
