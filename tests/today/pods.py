"""Pods: what a kubelet asks of a runtime for the settings in a pod's YAML, and what becomes of the containers."""

import contextlib
import itertools
import json
import os
import re
import uuid
from pathlib import Path

from harness.engines import Container
from harness.shell import CommandFailed, run, wait_for

# What a pod may say here, by its names in the YAML; `memory` stands for volumes of emptyDir {medium: Memory} at these paths,
# `cginit` for the way in which an image that lacks it gets it, and what is said of a container is said of each.
SETTINGS = {"hostUsers", "runtimeClassName", "shareProcessNamespace", "hostPID", "hostNetwork", "securityContext", "memory",
            "cginit", "tty", "env", "resources"}
SECURITY = {"privileged", "runAsUser", "runAsNonRoot", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities",
            "seccompProfile"}

# The ids of a pod with hostUsers: false, as a kubelet gives them out.
FIRST_ID, IDS = 100 * 65536, 65536

# What a kubelet has the runtime hide, and protect, but where procMount or privileged says otherwise.
MASKED = [*(f"/proc/{name}" for name in ("asound", "acpi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats",
                                         "sched_debug", "scsi")), "/sys/firmware", "/sys/devices/virtual/powercap"]
READ_ONLY = [f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")]

# The service account's, which nobody reads here.
TOKEN = "nobody's token\n"
# Where cginit is in a container whose image lacks it.
TOOLS = "/opt/cginit"


def as_flow(value):
    """As YAML has it in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(as_flow, value)) + "]"
    return json.dumps(value) if isinstance(value, (bool, int)) else str(value)


def from_flow(text):
    """{'hostUsers': True} of "hostUsers: true": the YAML in one line that --explain tells."""
    words = re.sub(r"[A-Za-z_][\w./-]*", lambda word: word[0] if word[0] in ("true", "false") else json.dumps(word[0]), text)
    return json.loads("{" + words + "}")


def merged(spec, added):
    """SPEC with what somebody writes into it."""
    result = dict(spec)
    for key, value in added.items():
        both_are_maps = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both_are_maps else value
    return result


class PodContainer(Container):
    """A container in a pod, with all that a container of an engine's has for the tests."""

    def __init__(self, pod, container_id, log):
        self.engine = pod.node
        self.pod = pod
        self.cri = pod.node.cri
        self.name = self.id = container_id
        self._log = log
        self._pid = None
        self.after_removal = []
        self.sealed = self.closed = self.kept = False
        self.entrance, self.places = [], []
        pod.node.session.containers.add(container_id)

    def status(self):
        return self.cri("ContainerStatus", container_id=self.id).status

    @property
    def pid(self):
        if self._pid is None:
            told = self.cri("ContainerStatus", container_id=self.id, verbose=True).info["info"]
            self._pid = json.loads(told)["pid"]
            assert self._pid > 0, f"the container is not running:\n{self.logs()}"
        return self._pid

    @property
    def running(self):
        return self.status().state == self.cri.api.CONTAINER_RUNNING

    def inspect(self, template):
        return str(self.status())

    def start(self):
        self.cri("StartContainer", container_id=self.id)

    def exec(self, *command, check=True, timeout=30, options=()):
        """As a probe of the kubelet's is executed."""
        assert not options, options
        answer = self.cri("ExecSync", container_id=self.id, cmd=[str(word) for word in command], timeout=timeout)
        return Executed(command, answer, check)

    def logs(self):
        """2026-11-28T10:00:00.0Z stderr F what it said; P instead of F is a line that goes on in the next one."""
        said = []
        for line in self._log.read_text(errors="replace").splitlines() if self._log.exists() else ():
            _, _, tag, text = line.split(" ", 3)
            said.append(text + ("" if tag == "P" else "\n"))
        return "".join(said).replace("\r", "")

    def wait(self, timeout=30):
        wait_for("the container to end", lambda: self.status().state == self.cri.api.CONTAINER_EXITED, timeout)
        return self.status().exit_code

    def stop(self, timeout=20):
        """TIMEOUT is the pod's terminationGracePeriodSeconds."""
        self.cri("StopContainer", container_id=self.id, timeout=round(timeout))
        return self.status().exit_code

    def remove(self):
        self.engine.session.leaks.note(self.id, self._processes_left())
        self.cri("RemoveContainer", container_id=self.id)


class Executed:
    """What came of a command in a container, with the names that subprocess.run gives it."""

    def __init__(self, command, answer, check):
        self.args = command
        self.returncode = answer.exit_code
        self.stdout, self.stderr = (text.decode(errors="replace") for text in (answer.stdout, answer.stderr))
        if check and self.returncode != 0:
            raise CommandFailed(f"$ {' '.join(map(str, command))}\nexit status {self.returncode}\n{self.stdout}{self.stderr}")


class Pod:
    """A pod on a node; used as a context manager it is removed at the end."""

    def __init__(self, node, spec):
        assert not spec.keys() - SETTINGS, f"no such settings: {spec.keys() - SETTINGS}"
        self.node = node
        self.spec = spec
        self.api = node.api
        self.security = spec.get("securityContext", {})
        assert not self.security.keys() - SECURITY, f"no such settings: {self.security.keys() - SECURITY}"
        as_root = self.security.get("runAsUser", 0) == 0
        assert not (as_root and self.security.get("runAsNonRoot")), "a kubelet starts no container as root that must not be"
        self.containers = []
        self._names = (f"container{number}" for number in itertools.count())
        self._mounted = []
        self.uid = str(uuid.uuid4())
        # A kubelet's own is /var/lib/kubelet.
        self.directory = node.kubelet / "pods" / self.uid
        (self.directory / "logs").mkdir(parents=True)
        (self.directory / "etc-hosts").write_text("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
        self.cgroup = f"{node.cgroup}/besteffort/pod{self.uid}"
        private = spec.get("hostUsers") is False
        self._ids = [self.api.IDMapping(host_id=FIRST_ID, container_id=0, length=IDS)] if private else []
        self.id = None
        node.pods.append(self)
        try:
            self.config = self._sandbox()
            self.id = node.cri("RunPodSandbox", config=self.config,
                               runtime_handler=spec.get("runtimeClassName", "")).pod_sandbox_id
            node.session.containers.add(self.id)
            for path in spec.get("memory", ()):
                self._memory(path)
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is not None:
            for container in self.containers:
                print(container.report())
        self.remove()

    def _namespaces(self):
        api, spec = self.api, self.spec
        pid = api.CONTAINER
        if spec.get("shareProcessNamespace"):
            pid = api.POD
        if spec.get("hostPID"):
            pid = api.NODE
        users = api.UserNamespace(mode=api.POD, uids=self._ids, gids=self._ids) if self._ids else None
        return api.NamespaceOption(network=api.NODE if spec.get("hostNetwork") else api.POD, pid=pid, ipc=api.POD,
                                   userns_options=users or api.UserNamespace(mode=api.NODE))

    def _sandbox(self):
        api = self.api
        context = api.LinuxSandboxSecurityContext(
            namespace_options=self._namespaces(), privileged=bool(self.security.get("privileged")),
            seccomp=api.SecurityProfile(profile_type=api.SecurityProfile.RuntimeDefault))
        return api.PodSandboxConfig(
            metadata=api.PodSandboxMetadata(name="e2e", uid=self.uid, namespace="default"),
            hostname="" if self.spec.get("hostNetwork") else "e2e", log_directory=str(self.directory / "logs"),
            dns_config=api.DNSConfig(servers=["192.0.2.1"]),
            linux=api.LinuxPodSandboxConfig(cgroup_parent=self.cgroup, security_context=context))

    def volume(self, name):
        """An emptyDir."""
        path = self.directory / "volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
        return path

    def _memory(self, path):
        volume = self.volume("memory" + path.replace("/", "-"))
        run(*self.node.view.prefix, "mount", "-t", "tmpfs", "-o", "size=64m,mode=777", "tmpfs", volume)
        self._mounted.append(volume)
        return volume

    def mount(self, source, target, readonly=False):
        return self.api.Mount(host_path=str(source), container_path=target, readonly=readonly, uidMappings=self._ids,
                              gidMappings=self._ids)

    def image_volume(self, image, target):
        reference = self.api.ImageSpec(image=self.node.image(image))
        return self.api.Mount(container_path=target, image=reference, readonly=True, uidMappings=self._ids,
                              gidMappings=self._ids)

    def _mounts(self, name):
        """What a kubelet mounts into every container, and the volumes."""
        token = self.volume("token")
        (token / "token").write_text(TOKEN)
        ended = self.directory / f"{name}-termination-log"
        ended.touch()
        mounts = [self.mount(self.directory / "etc-hosts", "/etc/hosts"), self.mount(ended, "/dev/termination-log"),
                  self.mount(token, "/var/run/secrets/kubernetes.io/serviceaccount", readonly=True)]
        for path in self.spec.get("memory", ()):
            mounts.append(self.mount(self.volume("memory" + path.replace("/", "-")), path))
        return mounts

    def _seccomp(self):
        profile = self.api.SecurityProfile
        wanted = self.security.get("seccompProfile", {})
        kind = wanted.get("type", "Unconfined")  # a kubelet's own default
        found = profile(profile_type=getattr(profile, kind))
        if kind == "Localhost":
            found.localhost_ref = str(self.node.kubelet / "seccomp" / wanted["localhostProfile"])
            assert Path(found.localhost_ref).exists(), found.localhost_ref
        return found

    def _context(self):
        api, security = self.api, self.security
        capabilities = security.get("capabilities", {})
        bare = bool(security.get("privileged"))
        context = api.LinuxContainerSecurityContext(
            capabilities=api.Capability(add_capabilities=capabilities.get("add", []),
                                        drop_capabilities=capabilities.get("drop", [])),
            privileged=bare, namespace_options=self._namespaces(),
            readonly_rootfs=bool(security.get("readOnlyRootFilesystem")),
            no_new_privs=security.get("allowPrivilegeEscalation") is False,
            masked_paths=[] if bare else MASKED, readonly_paths=[] if bare else READ_ONLY, seccomp=self._seccomp())
        if "runAsUser" in security:
            context.run_as_user.value = security["runAsUser"]
        return context

    def create(self, image, *, command=(), args=(), mounts=(), **more):
        """A container that is not started; what is told beside the image takes the place of what that says."""
        api = self.api
        name = next(self._names)
        config = api.ContainerConfig(
            metadata=api.ContainerMetadata(name=name), log_path=f"{name}.log", tty=bool(self.spec.get("tty")),
            image=api.ImageSpec(image=self.node.image(image)), command=command, args=args,
            envs=[api.KeyValue(key="KUBERNETES_SERVICE_HOST", value=b"192.0.2.1"),
                  *(api.KeyValue(key=key, value=value.encode()) for key, value in self.spec.get("env", {}).items())],
            mounts=[*self._mounts(name), *mounts],
            linux=api.LinuxContainerConfig(security_context=self._context(), resources=api.LinuxContainerResources(
                oom_score_adj=1000, **self.spec.get("resources", {}))), **more)
        container_id = self.node.cri("CreateContainer", pod_sandbox_id=self.id, config=config,
                                     sandbox_config=self.config).container_id
        container = PodContainer(self, container_id, self.directory / "logs" / f"{name}.log")
        self.containers.append(container)
        return container

    def start(self, image, args=(), **how):
        container = self.create(image, args=args, **how)
        container.start()
        return container

    def run(self, image, args=(), timeout=30, **how):
        """Runs a container to its end: its exit status, and what it said."""
        container = self.start(image, args, **how)
        status = container.wait(timeout)
        said = container.logs()
        container.remove()
        self.containers.remove(container)
        return status, said

    def remove(self):
        """All of it, and the cgroups that a kubelet made for it, and removes."""
        self.node.pods.remove(self)
        with contextlib.ExitStack() as stack:
            stack.callback(self._remove_cgroups)
            stack.callback(self._unmount)
            if self.id is not None:
                stack.callback(self.node.cri, "RemovePodSandbox", pod_sandbox_id=self.id)
                stack.callback(self.node.cri, "StopPodSandbox", pod_sandbox_id=self.id)
            for container in self.containers:
                stack.callback(container.remove)

    def _unmount(self):
        while self._mounted:
            run(*self.node.view.prefix, "umount", self._mounted.pop())

    def _remove_cgroups(self):
        for top in self.node.hierarchies():
            for path in (self.cgroup, os.path.dirname(self.cgroup), self.node.cgroup):
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(f"{top}{path}")

    def owns(self, line):
        """Whether a line of the machine's state is about what a running pod has: its cgroups, its network namespace."""
        cgroup = rf"\S+ cgroup \S+ {re.escape(self.node.cgroup)}(/|$)"
        return re.match(rf"{cgroup}|\S+ mount .* /run/netns/cni-\S+ .* - nsfs ", line)
