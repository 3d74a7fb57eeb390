"""What a node of Kubernetes has below its kubelet: containerd with its CRI plugin, runtimes, images, a pod network.

Two things are not as on a real node. Where the view's cgroup2 has no controllers, because the machine has them on v1, the limits
that containerd asks for with every sandbox could not be set, and the runtime would refuse the container: a script before the
runtime takes them out of the container's configuration. And no systemd manages this machine, so that containerd has to have the
driver `cgroupfs`; with `systemd`, as a kubelet has it, runc gives the cgroup to the root of the pod's user namespace, if the
cgroups are mounted writable. The same script does so for the runtime handler `delegated`.
"""

import hashlib
import io
import json
import os
import platform
import shutil
import signal
import subprocess
import tarfile
import tempfile
from pathlib import Path

from harness import host, images
from harness.shell import PATIENCE, CommandFailed, run, wait_for

import cri

HERE = Path(__file__).resolve().parent
PAUSE = "localhost/e2e/pause:latest"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What a RuntimeClass can name: the runtime, whether the cgroups are mounted writable (containerd's cgroup_writable), and whether
# they are given to the pod's root.
HANDLERS = {
    "runc": ("runc", False, False),
    "crun": ("crun", False, False),
    "writable": ("runc", True, False),
    "delegated": ("runc", True, True),
    "crun-writable": ("crun", True, False),
}

_CONFIG = """
version = 3
root = '{directory}/root'
state = '{directory}/state'
[grpc]
  address = '{directory}/containerd.sock'
[plugins.'io.containerd.internal.v1.opt']
  path = '{directory}/opt'
[plugins.'io.containerd.grpc.v1.cri']
  disable_tcp_service = true
[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '{pause}'
[plugins.'io.containerd.cri.v1.runtime']
  # Root may lack CAP_SYS_RESOURCE here, without which no score can be lowered.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['{directory}/cni/bin']
    conf_dir = '{directory}/cni/net'
    use_internal_loopback = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = 'runc'
"""

_HANDLER = """
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}]
      runtime_type = 'io.containerd.runc.v2'
      cgroup_writable = {writable}
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}.options]
        BinaryName = '{program}'
        SystemdCgroup = false
"""

# A pod network without any way out: the namespace has its loopback device, and an address that is nowhere.
_CNI_PLUGIN = """#!/bin/sh
cat >/dev/null
case $CNI_COMMAND in
    ADD) printf '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"%s"}],' "$CNI_NETNS"
        echo '"ips":[{"address":"192.0.2.2/24","interface":0}]}' ;;
    VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}' ;;
esac
"""
_CNI_CONFIG = {"cniVersion": "1.0.0", "name": "none", "plugins": [{"type": "none"}]}

# The kinds of limits, and the controller of cgroup2 that each needs.
_CONTROLLERS = {"cpu": "cpu", "memory": "memory", "pids": "pids", "blockIO": "io", "hugepageLimits": "hugetlb"}

# See above: {lost} are the kinds of limits that the view has no controller for, {delegate} is yes or no.
_RUNTIME = r"""#!/bin/sh
delegate={delegate} bundle='' create=''
for word; do
    case $last in --bundle | -b) bundle=$word ;; esac
    [ "$word" != create ] || create=yes
    last=$word
done
config=$bundle/config.json
if [ -n "$create" ]; then
    jq -c '.linux.resources |= with_entries(select(.key | IN({lost}) | not))' "$config" >"$config.new" || exit
    cat "$config.new" >"$config"
    rm "$config.new"
fi
if [ -z "$create" ] || [ "$delegate" = no ]; then
    exec {program} "$@"
fi
{program} "$@" || exit
jq -e '(.linux.uidMappings | length > 0) and any(.mounts[]; .type == "cgroup" and (.options | index("rw")))' "$config" \
    >/dev/null || exit 0
root=$(jq '.linux.uidMappings[0].hostID' "$config")
cd "/sys/fs/cgroup$(jq -r .linux.cgroupsPath "$config")" || exit
chown "$root" .
while read -r file; do
    [ ! -e "$file" ] || chown "$root" "$file"
done </sys/kernel/cgroup/delegate
"""


def _script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


def _digest(path):
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _layer(path, files):
    """A tarball of programs: {path in the image: file}."""
    with tarfile.open(path, "w", dereference=True) as tar:
        for target, source in files.items():
            info = tar.gettarinfo(source, target)
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mode = 0o755
            with open(source, "rb") as content:
                tar.addfile(info, content)
    return path


def _archive(path, contents):
    """What `docker save` writes: CONTENTS is {name of an image: (its configuration, its layers)}."""
    layers = {layer: _digest(layer) for _, files in contents.values() for layer in files}
    manifest = []
    with tarfile.open(path, "w") as tar:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        for layer, digest in layers.items():
            tar.add(layer, f"{digest}/layer.tar")
        for name, (config, files) in contents.items():
            described = json.dumps({
                "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
                "os": "linux", "config": {"Env": [PATH], **config},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layers[file]}" for file in files]}}).encode()
            file = f"{hashlib.sha256(described).hexdigest()}.json"
            add(file, described)
            manifest.append({"Config": file, "RepoTags": [name], "Layers": [f"{layers[file]}/layer.tar" for file in files]})
        add("manifest.json", json.dumps(manifest).encode())
    return path


class Node:
    """containerd in the session's view. It ends with close() or with this process."""

    kind = "containerd"
    runtime = "runc"

    def __init__(self, view, session):
        self.view = view
        self.session = session
        self.title = f"containerd, {view.name} view"
        self.directory = Path(tempfile.mkdtemp(prefix=f"containerd-{view.name}-", dir=session.directory))
        self.directory.chmod(0o711)
        self.kubelet = self.directory / "kubelet"
        # Below a name of these tests, so that nothing is like what a kubelet of the machine's own has.
        self.cgroup = f"/cginit-e2e-kubepods-{os.getpid()}"
        self.pods = []
        self._images = set()
        # A pod's own root has to get through to its files.
        session.directory.chmod(0o711)
        (self.kubelet / "seccomp").mkdir(parents=True)
        shutil.copy(images.ROOT / "examples" / "seccomp" / "docker.json", self.kubelet / "seccomp")
        self._configure()
        socket = self.directory / "containerd.sock"
        self.cri = cri.Client(cri.messages(self.directory / "cri"), socket)
        self.api = self.cri.api
        self.log = self.directory / "containerd.log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [*view.prefix, "setpriv", "--pdeathsig", "TERM", "containerd", "--config", self.directory / "config.toml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for("containerd to answer", self._answers)
            self._make_common_images()
        except BaseException as error:
            said = self.log.read_text(errors="replace")[-3000:]
            self.close()
            raise CommandFailed(f"{error}\n{said}") from error

    def _configure(self):
        text = _CONFIG.format(directory=self.directory, pause=PAUSE)
        v2 = self.view.name == "unified"
        lost = [kind for kind, controller in _CONTROLLERS.items() if v2 and controller not in self.view.v2_controllers()]
        for name, (runtime, writable, delegate) in HANDLERS.items():
            # Elsewhere than on v2 containerd takes no such handler.
            if v2 or not writable:
                program = _script(self.directory / name, _RUNTIME.format(
                    lost=json.dumps(lost)[1:-1] or "empty", delegate="yes" if delegate else "no",
                    program=self.session.runtime_path(runtime)))
                text += _HANDLER.format(name=name, writable=str(writable).lower(), program=program)
        (self.directory / "config.toml").write_text(text)
        for name in ("bin", "net"):
            (self.directory / "cni" / name).mkdir(parents=True)
        _script(self.directory / "cni" / "bin" / "none", _CNI_PLUGIN)
        (self.directory / "cni" / "net" / "10-none.conflist").write_text(json.dumps(_CNI_CONFIG))

    def _answers(self):
        if self._process.poll() is not None:
            raise CommandFailed(f"containerd ended with status {self._process.returncode}")
        try:
            conditions = self.cri("Status", deadline=5).status.conditions
        except cri.Refused:
            return False
        return all(condition.status for condition in conditions)

    def _make_common_images(self):
        """The sandbox's, one for an init container, and one for an image volume, which has nothing but cginit."""
        pause = self.directory / "pause"
        run("gcc", "-O2", "-Wall", "-static", "-o", pause, HERE / "pause.c")
        self._cginit = _layer(self.directory / "cginit.tar", {"./cginit": self.session.binary})
        busybox = images.build_image("busybox", self.directory / "busybox-root.tar")
        self._import("common", {
            PAUSE: ({"Entrypoint": ["/pause"]}, [_layer(self.directory / "pause.tar", {"./pause": pause})]),
            "localhost/e2e/busybox:latest": ({"Cmd": ["/bin/sh"]}, [busybox]),
            "localhost/e2e/tools:latest": ({"Cmd": ["/bin/sh"]}, [busybox, self._cginit]),
            "localhost/e2e/cginit:latest": ({}, [self._cginit])})

    def _import(self, name, contents):
        archive = _archive(self.directory / f"{name}-images.tar", contents)
        self.ctr("images", "import", archive, timeout=180)
        archive.unlink()

    def ctr(self, *args, **options):
        return run(*self.view.prefix, "ctr", "--address", self.directory / "containerd.sock", "--namespace", "k8s.io", *args,
                   **options)

    def cli(self, verb, option, value, container_id, check=True):
        """`docker update` as a resize of a pod: the same limits by the names of CRI."""
        assert verb == "update", verb
        if option == "--memory":
            limits = {"memory_limit_in_bytes": int(value.removesuffix("m")) << 20}
        elif option == "--cpus":
            limits = {"cpu_period": 100_000, "cpu_quota": round(float(value) * 100_000)}
        else:
            limits = {option[2:].replace("-", "_"): value}
        said = ""
        try:
            self.cri("UpdateContainerResources", container_id=container_id, linux=self.api.LinuxContainerResources(**limits))
        except cri.Refused as error:
            if check:
                raise
            said = str(error)
        return subprocess.CompletedProcess((verb, option, value), 1 if said else 0, "", said)

    def image(self, name):
        """The image's name here; imported if it is not there yet. NAME is that of a Debian image, with cginit as its
        entrypoint; NAME-plain is the same without cginit, NAME-silent with cginit but without a STOPSIGNAL."""
        suite = name.partition("-")[0]
        if suite not in self._images:
            if suite not in ("tools", "cginit", "busybox"):
                base = images.build_image(suite, self.directory / f"{suite}-root.tar")
                init, stop = {"Cmd": ["/sbin/init"]}, {"StopSignal": "SIGRTMIN+3"}
                entry = {"Entrypoint": ["/cginit"]}
                self._import(suite, {
                    f"localhost/e2e/{suite}:latest": ({**init, **entry, **stop}, [base, self._cginit]),
                    f"localhost/e2e/{suite}-silent:latest": ({**init, **entry}, [base, self._cginit]),
                    f"localhost/e2e/{suite}-plain:latest": ({**init, **stop}, [base])})
                base.unlink()
            self._images.add(suite)
        return f"localhost/e2e/{name}:latest"

    def hierarchies(self):
        """Where each is, as this process gets at it."""
        mounts = host.cgroup_mounts(self.view.mountinfo())
        return [Path(f"/proc/{self.view.pid}/root{mount.point}") for mount in mounts if mount.root == "/"]

    def _kill_pods(self):
        """What could not be removed, and the shims that hold it: containerd would leave it all running."""
        shims = run("pgrep", "--full", f"containerd-shim.* -address {self.directory}/", check=False).stdout.split()
        left = [pid for top in self.hierarchies() for procs in Path(f"{top}{self.cgroup}").rglob("cgroup.procs")
                for pid in procs.read_text().split()]
        for pid in {int(pid) for pid in (*shims, *left)}:
            host.kill(pid, signal.SIGKILL)

    def close(self):
        try:
            for pod in list(self.pods):
                pod.remove()
        finally:
            self._kill_pods()
            self.cri.close()
            host.kill(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=20 * PATIENCE)
            except subprocess.TimeoutExpired:
                host.kill(self._process.pid, signal.SIGKILL)
                self._process.wait(timeout=10)
