"""`podman kube play`: systemd in a pod of Podman's, with cginit from an init container or from an image."""

import contextlib
import json
import uuid

import pytest

from cases import Case
from harness import unprivileged
from harness.boot import check_everything, unchanged_machine
from harness.engines import Container
from test_ways import told_apart

# The tests' images have cginit already: here it is another container's, or another image's.
BROUGHT = "/opt/cginit"
TOOLS = {"name": "tools", "mountPath": BROUGHT}
FROM_IMAGE = {"volumes": [{"name": "tools", "image": {"reference": "localhost/e2e/busybox:latest", "pullPolicy": "Never"}}]}
FROM_CONTAINER = {
    "volumes": [{"name": "tools", "emptyDir": {}}],
    "initContainers": [{"name": "bring", "image": "localhost/e2e/busybox:latest", "command": ["/bin/cp", "/cginit", BROUGHT],
                        "volumeMounts": [TOOLS]}],
}
SYS_ADMIN = {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}


def prepare(engine):
    """A pod has no option like --pids-limit, and this machine's cgroup2 no controller for Podman's default. Root of a user
    namespace gets through to the image's files, as in /var/lib."""
    engine.session.directory.chmod(0o711)
    if "pids" not in engine.view.v2_controllers():
        path = engine.session.directory / "containers.conf"
        path.write_text("[containers]\npids_limit=0\n")
        engine.environment["CONTAINERS_CONF_OVERRIDE"] = str(path)


@contextlib.contextmanager
def played(engine, image, pod, container):
    """The main container of a pod, by its YAML."""
    name = f"cginit-e2e-{uuid.uuid4().hex[:12]}"
    path = engine.session.directory / f"{name}.yaml"
    main = {"name": "box", "image": f"localhost/{engine.image(image)}", "tty": True, "command": [f"{BROUGHT}/cginit"],
            "args": ["/sbin/init"], "volumeMounts": [TOOLS], **container}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                                "spec": {"containers": [main], **pod}}))
    try:
        engine.cli("kube", "play", "--network", "none", path, timeout=120)
        ids = engine.cli("pod", "inspect", "--format", "{{.ID}} {{range .Containers}}{{.ID}} {{end}}", name).stdout.split()
        engine.session.containers.update(ids)
        yield Container(engine, f"{name}-box")
    finally:
        engine.cli("kube", "down", "--force", path, timeout=60)


@pytest.mark.parametrize("runtime, image, pod, container", [
    pytest.param("crun", "bookworm", FROM_IMAGE, {}, id="image_volume"),
    pytest.param("runc", "trixie", FROM_CONTAINER, SYS_ADMIN, id="init_container-sys_admin"),
    pytest.param("crun", "newest", FROM_CONTAINER | {"hostUsers": False}, {}, id="init_container-no_host_users"),
])
@pytest.mark.view("unified")
def test_systemd_in_a_pod(session, runtime, image, pod, container):
    engine = session.engine("podman", runtime, "unified")
    engine.image("busybox")
    prepare(engine)
    with told_apart(engine, image), unchanged_machine(session):
        with played(engine, image, pod, container) as box:
            box.sealed = container != SYS_ADMIN
            assert (state := unprivileged.state_of(box)) == "running", box.report() + state
            check_everything(session, Case("unified", f"podman-{runtime}", "private", image), box)
