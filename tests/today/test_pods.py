"""Pods as a kubelet has them made: what --explain foretells is what comes of each, as docs/kubernetes.md has it."""

import contextlib
import json
import re
import time
from dataclasses import dataclass, field

import pytest

from cases import Case
from harness import host, updates
from harness.boot import check_everything
from harness.images import ROOT
from harness.probe import wait_for_boot
from harness.shell import PATIENCE
from harness.tables import Tables
from test_v5_privileged import GUARD, INIT

import cri
from node import Node
from pods import TOKEN, TOOLS, Pod, as_flow, from_flow, merged

TABLE = ROOT / "docs" / "kubernetes.md"
RUNS, LIVES = "What runs in a pod", "What a running pod is asked for"


@pytest.fixture(scope="module")
def nodes(session):
    """A function that gives the node with this view; there is one at a time."""
    running = {}

    def close():
        while running:
            running.popitem()[1].close()

    def in_view(name):
        if name not in running:
            close()
            running[name] = Node(session.use_view(name), session)
        return running[name]

    yield in_view
    close()


@contextlib.contextmanager
def unchanged(node):
    """Yields a function that fails if the machine has anything new but what is the pod's; at the end nothing may be left of
    that either."""
    before = node.session.state()

    def compare(pod):
        running = [container.id for container in pod.containers] + [pod.id]
        now = [line for line in node.session.state(running) if not pod.owns(line)]
        changed = host.difference(before, now)
        assert not changed, f"V5: the machine changed while it ran:\n{changed}"

    yield compare
    left = host.difference(before, node.session.state())
    assert not left, f"V5: left of the pod:\n{left}"


# Who reads the page has a driver, and its handlers are called as he likes.
SHOWN = {"delegated": "writable"}


@dataclass(frozen=True)
class Way:
    """A row of the table."""

    row: str
    image: str
    spec: dict = field(default_factory=dict)
    refused: str = ""  # the code with which; then what --explain says first is done
    lacking: bool = False  # systemd itself lacks capabilities, and says so
    program: tuple = ("/cginit",)
    init: tuple = ("/sbin/init",)

    @property
    def yaml(self):
        """What is said in the pod, in one line."""
        said = {key: SHOWN.get(value, value) if key == "runtimeClassName" else value
                for key, value in self.spec.items() if key not in ("memory", "cginit")}
        parts = [as_flow(said)[1:-1]] if said else []
        if "memory" in self.spec:
            parts.append("emptyDir: {medium: Memory} at " + ", ".join(self.spec["memory"]))
        return "; ".join(f"`{part}`" for part in parts)


def security(**settings):
    return {"securityContext": settings}


SYS_ADMIN = {"capabilities": {"add": ["SYS_ADMIN"]}}
FILTERED = {"seccompProfile": {"type": "RuntimeDefault"}}
PROFILE = {"seccompProfile": {"type": "Localhost", "localhostProfile": "docker.json"}}
RESTRICTED = {"runAsNonRoot": True, "runAsUser": 1000, "allowPrivilegeEscalation": False,
              "capabilities": {"drop": ["ALL"]}, **FILTERED}
PRIVATE = {"hostUsers": False}
ALL_MEMORY = {"memory": ["/run", "/run/lock", "/tmp"]}

WAYS = (
    Way("nothing said", "bookworm"),
    Way("nothing said, crun", "newest", {"runtimeClassName": "crun"}),
    Way("the runtime's seccomp filter", "trixie", security(**FILTERED), refused="CG-NOSYSADMIN"),
    Way("a seccomp filter that permits user namespaces", "newest", security(**PROFILE)),
    Way("SYS_ADMIN", "newest", security(**SYS_ADMIN)),
    Way("SYS_ADMIN and the runtime's filter", "bookworm", security(**SYS_ADMIN, **FILTERED)),
    Way("SYS_ADMIN and the runtime's filter, crun", "trixie", {"runtimeClassName": "crun", **security(**SYS_ADMIN, **FILTERED)}),
    Way("read-only root file system", "trixie", security(readOnlyRootFilesystem=True)),
    Way("no privilege escalation", "newest", security(allowPrivilegeEscalation=False)),
    Way("restricted", "bookworm", security(**RESTRICTED), refused="CG-NOTROOT", lacking=True),
    Way("privileged", "bookworm", security(privileged=True), program=("/bin/sh", "-c", GUARD, "sh", "/cginit"), init=INIT),
    Way("user namespace", "bookworm", PRIVATE, refused="CG-NOTDELEGATED"),
    Way("user namespace, SYS_ADMIN", "trixie", {**PRIVATE, **security(**SYS_ADMIN)}, refused="CG-NOTDELEGATED"),
    Way("user namespace, crun", "newest", {**PRIVATE, "runtimeClassName": "crun"}),
    Way("user namespace, writable cgroups, driver cgroupfs", "newest", {**PRIVATE, "runtimeClassName": "writable"},
        refused="CG-NOTDELEGATED"),
    Way("user namespace, writable cgroups", "bookworm", {**PRIVATE, "runtimeClassName": "delegated"}),
    Way("user namespace, writable cgroups, crun", "trixie", {**PRIVATE, "runtimeClassName": "crun-writable"}),
    Way("user namespace, writable cgroups, Memory at /run", "trixie",
        {**PRIVATE, "runtimeClassName": "delegated", "memory": ["/run"]}),
    Way("user namespace, writable cgroups, Memory at all three", "newest",
        {**PRIVATE, "runtimeClassName": "delegated", **ALL_MEMORY}),
    Way("user namespace, writable cgroups, the runtime's filter", "trixie",
        {**PRIVATE, "runtimeClassName": "delegated", **security(**FILTERED)}, refused="CG-NOSYSADMIN"),
    Way("user namespace, writable cgroups, the runtime's filter, Memory at all three", "bookworm",
        {**PRIVATE, "runtimeClassName": "delegated", **ALL_MEMORY, **security(**FILTERED)}),
    Way("writable cgroups", "trixie", {"runtimeClassName": "writable"}),
    Way("an init container copies cginit", "bookworm", {"cginit": "init container", **security(**SYS_ADMIN)}),
    Way("an image volume has cginit", "newest", {"cginit": "image volume"}),
    Way("an image volume, user namespace, writable cgroups", "trixie",
        {"cginit": "image volume", **PRIVATE, "runtimeClassName": "delegated"}),
    Way("shared process namespace", "newest", {"shareProcessNamespace": True, **security(**SYS_ADMIN)}, refused="CG-NOTPID1"),
    Way("the host's processes", "bookworm", {"hostPID": True, **security(**SYS_ADMIN)}, refused="CG-NOTPID1"),
    Way("the host's network", "trixie", {"hostNetwork": True}),
    Way("the host's network, SYS_ADMIN", "bookworm", {"hostNetwork": True, **security(**SYS_ADMIN)}),
)


def placed(pod, way):
    """How cginit gets into the container: what a container is started with."""
    if "cginit" not in pod.spec:
        return {"image": way.image, "command": way.program}
    if pod.spec["cginit"] == "init container":
        tools = pod.volume("tools")
        status, said = pod.run("tools", ["/cginit", "/shared/cginit"], command=["/bin/cp"], mounts=[pod.mount(tools, "/shared")])
        assert status == 0, said
        mount = pod.mount(tools, TOOLS)
    else:
        mount = pod.image_volume("cginit", TOOLS)
    return {"image": f"{way.image}-plain", "command": [f"{TOOLS}/cginit"], "mounts": [mount]}


def explained(node, way, spec):
    """What --explain says in such a pod; its exit status is held against it."""
    with unchanged(node), Pod(node, spec) as pod:
        status, said = pod.run(args=["--explain=json", "--", *way.init], **placed(pod, way))
    told = json.loads(said)
    assert status == (0 if told["works"] else 1), said
    assert told["facts"]["engine"] == "kubernetes", told["facts"]["engine"]
    return told


def code_of(container):
    """That of the error with which cginit ends."""
    assert container.wait() == 125, container.logs()
    error, = (line for line in container.logs().splitlines() if line.startswith("cginit: error: "))
    return error.rsplit("(", 1)[1].rstrip(")")


def settled(container):
    state = wait_for_boot(container, True)
    if state != "running":
        state += ":\n" + container.exec("systemctl", "--failed", "--no-legend", "--plain", check=False).stdout
    assert state == "running", state


def stopped(container, grace=20):
    """Stops it; systemd has to end before it is killed."""
    begin = time.monotonic()
    status = container.stop(grace)
    assert status in (0, 130), f"ended with {status} after {time.monotonic() - begin:.1f} s:\n{container.logs()}"


# What cginit says that it did, by its method.
DONE = {"none": "cgroups as they are", "userns": "cgroups private (userns)", "namespace": "cgroups private (namespace)"}


def check_running(node, pod, way, container, method):
    """What holds for an init that any engine booted, and the service account's token is where it was."""
    container.sealed, container.kept = method == "userns", method == "none"
    settled(container)
    info, = (line for line in container.logs().splitlines() if line.startswith("cginit: info: "))
    assert DONE[method] in info, info
    read_only = pod.security.get("readOnlyRootFilesystem", False)
    case = Case("unified", "docker-runc", "private", way.image, rootfs="read-only" if read_only else "writable")
    check_everything(node.session, case, container)
    # That is below /run, which systemd would mount over.
    assert container.read("/run/secrets/kubernetes.io/serviceaccount/token") == TOKEN, "V7: the account's token is gone"


def booted(node, way, spec):
    """Explains, then boots: (what is missing, None) or ([], the method)."""
    told = explained(node, way, spec)
    with unchanged(node) as compare, Pod(node, spec) as pod:
        container = pod.start(args=["--", *way.init], **placed(pod, way))
        if not told["works"]:
            assert code_of(container) == told["missing"][0]["code"]
            return told["missing"], None
        method = told["decision"]["method"]["value"]
        if way.lacking:
            settled(container)
        else:
            check_running(node, pod, way, container, method)
        compare(pod)
        stopped(container)
        return [], method


def first_cure(missing):
    """What --explain says first, in Kubernetes' words, of what is missing first."""
    remedy = missing[0]["remedies"][0]
    assert remedy["where"] == "kubernetes", missing[0]["remedies"]
    return remedy["setting"]


def followed(cure):
    """What somebody writes into the pod's YAML who is told this."""
    volumes = re.fullmatch(r"a volume with emptyDir: \{medium: Memory\}, mounted at (?:each of )?(.+)", cure)
    if volumes:
        return {"memory": re.findall(r"/[\w/]+", volumes[1])}
    if cure.startswith("runtimeClassName: a handler with cgroup_writable = true"):
        # As it is on a node of a kubelet's, whose driver is `systemd`.
        return {"runtimeClassName": "delegated"}
    return from_flow(cure)


def cured(node, way, missing):
    """Does what is told first, asks again, and so on until systemd boots: the cures, and the method."""
    spec, cures = way.spec, []
    while missing:
        cures.append(first_cure(missing))
        before, spec = spec, merged(spec, followed(cures[-1]))
        assert spec != before, f"nothing changes by {cures}"
        missing, method = booted(node, way, spec)
    return cures, method


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.row.replace(" ", "_"))
@pytest.mark.view("unified")
def test_what_runs(nodes, way):
    node = nodes("unified")
    node.image(way.image)
    missing, method = booted(node, way, way.spec)
    assert way.refused == (missing[0]["code"] if missing else ""), missing
    helps, seen = "", f"running ({method})"
    if missing:
        cures, method = cured(node, way, missing)
        helps = ", then ".join(f"`{text}`" for text in cures) + f": running ({method})"
        seen = f"[{way.refused}](errors.md#{way.refused.lower()})"
    table = Tables(TABLE)
    for column, text in (("in its YAML", way.yaml), ("what comes of it", seen), ("what helps", helps)):
        table.hold(RUNS, way.row, column, text)


def hold_life(row, seen):
    Tables(TABLE).hold(LIVES, row, "what comes of it", seen)


@contextlib.contextmanager
def running_pod(node, image, spec, **how):
    """A pod with one container whose systemd is up."""
    node.image(image)
    with unchanged(node), Pod(node, spec) as pod:
        container = pod.start(image, **how)
        container.sealed = "SYS_ADMIN" not in str(spec)
        settled(container)
        yield container


@pytest.mark.view("unified")
def test_two_in_one_pod(nodes):
    """Each has its own cgroups; what becomes of one is nothing to the other."""
    node = nodes("unified")
    images = ("trixie", "newest")
    for image in images:
        node.image(image)
    with unchanged(node) as compare, Pod(node, {}) as pod:
        both = [pod.start(image) for image in images]
        for container, image in zip(both, images):
            check_running(node, pod, Way("", image), container, "userns")
        compare(pod)
        own, other = ({frozenset(): container.cgroups()[frozenset()]} for container in both)
        assert len({container.read("/etc/machine-id") for container in both}) == 2
        assert own != other and None not in (*own.values(), *other.values()), (own, other)
        stopped(both[0])
        assert both[1].exec("systemctl", "is-system-running").stdout.strip() == "running"
        stopped(both[1])
    hold_life("two containers with systemd", "both run")


@pytest.mark.view("unified")
def test_probes(nodes):
    """A kubelet's exec probe: ExecSync with timeoutSeconds."""
    node = nodes("unified")
    with running_pod(node, "newest", {}) as container:
        unit = container.exec("systemctl", "is-active", "e2e-limited.service", check=False)
        wrong = container.exec("sh", "-c", "exit 3", check=False)
        assert (unit.returncode, unit.stdout, wrong.returncode) == (0, "active\n", 3), (unit.args, unit.stdout, wrong.returncode)
        hold_life("an exec probe", "it has the exit status of its command")
        with pytest.raises(cri.Refused) as slow:
            container.exec("sh", "-c", "echo $$ >/dev/shm/probe; exec sleep 300", timeout=round(PATIENCE))
        assert slow.value.status == "DEADLINE_EXCEEDED", slow.value
        container.exec("sh", "-c", "test -s /dev/shm/probe && ! kill -0 $(cat /dev/shm/probe)")
        hold_life("an exec probe that takes longer than its timeoutSeconds", "it fails, and its program is ended")
        settled(container)
        stopped(container)


GRACE = round(4 * PATIENCE)
STOPS = {
    "stop, with STOPSIGNAL in the image": ("bookworm", None),
    "stop, without": ("bookworm-silent", None),
    "stop, without, `lifecycle: {stopSignal: SIGRTMIN+3}`": ("bookworm-silent", "SIGRTMINPLUS3"),
}


@pytest.mark.parametrize("row", STOPS)
@pytest.mark.view("unified")
def test_stops(nodes, row):
    node = nodes("unified")
    image, signal = STOPS[row]
    more = {"stop_signal": getattr(node.api, signal)} if signal else {}
    with running_pod(node, image, {}, **more) as container:
        begin = time.monotonic()
        status = container.stop(GRACE)
        seconds = time.monotonic() - begin
    # SIGKILL is 9.
    killed = status == 128 + 9
    assert killed == (seconds >= GRACE) and (killed or status in (0, 130)), f"status {status} after {seconds:.1f} s"
    hold_life(row, "killed after terminationGracePeriodSeconds" if killed else "systemd shuts down")


# What a resize can change, by the names of limits.md.
RESIZED = [change for change in updates.CHANGES if not change.row.startswith("pids")]
START = {"memory_limit_in_bytes": 700 << 20, "cpu_period": 100_000, "cpu_quota": 80_000, "cpuset_cpus": "0"}


@pytest.mark.view("hybrid")
def test_resize(nodes):
    """In place: UpdateContainerResources is to the kernel what `docker update` is, and its table in limits.md holds. The machine
    has these controllers on v1."""
    node = nodes("hybrid")
    with running_pod(node, "bookworm", {"resources": START, **security(**SYS_ADMIN)}) as container:
        updates.hold(node.session, container, RESIZED, "v1")
        # The probe inside tries to raise what is its own.
        case = Case("hybrid", "docker-runc", "host", "bookworm")
        check_everything(node.session, case, container)
        stopped(container)


@pytest.mark.parametrize("copies", ["auto", "never"])
@pytest.mark.view("hybrid")
def test_more_memory(nodes, copies):
    """What the container gets of it depends on the copy of its limit, below the one that a resize changes."""
    node = nodes("hybrid")
    spec = {"resources": START, "env": {"CGINIT_COPY_LIMITS": copies}, **security(**SYS_ADMIN)}
    with running_pod(node, "trixie", spec) as container:
        engines, inner = updates.files_of(container, node.session.view, "memory.limit_in_bytes")
        wanted = START["memory_limit_in_bytes"] * 2
        node.cri("UpdateContainerResources", container_id=container.id,
                 linux=node.api.LinuxContainerResources(memory_limit_in_bytes=wanted))
        assert engines != inner and int(engines.read_text()) == wanted
        at_once = int(inner.read_text()) >= wanted
        stopped(container)
    hold_life("a resize in place to more memory" + (", `CGINIT_COPY_LIMITS=never`" if copies == "never" else ""),
              "at once" if at_once else "when the container starts again")
