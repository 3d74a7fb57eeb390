"""examples/kubernetes: each manifest is one that Kubernetes takes, says its level, and boots as it stands."""

import pytest
import yaml

from harness.images import ROOT

from pods import TOOLS
from test_pods import Way, booted, nodes  # noqa: F401

MANIFESTS = sorted((ROOT / "examples" / "kubernetes").glob("*.yaml"))

# The fields that the manifests have, by their types in Kubernetes' API (core/v1).
PROBE = {"exec": {"command": [str]}}
SECURITY = {"capabilities": {"add": [str], "drop": [str]}, "seccompProfile": {"type": str, "localhostProfile": str}}
CONTAINER = {"name": str, "image": str, "command": [str], "args": [str], "securityContext": SECURITY,
             "volumeMounts": [{"name": str, "mountPath": str}], "lifecycle": {"stopSignal": str}, "readinessProbe": PROBE}
VOLUME = {"name": str, "emptyDir": {"medium": str}, "image": {"reference": str}}
POD = {"apiVersion": str, "kind": str, "metadata": {"name": str},
       "spec": {"os": {"name": str}, "hostUsers": bool, "runtimeClassName": str, "terminationGracePeriodSeconds": int,
                "volumes": [VOLUME], "initContainers": [CONTAINER], "containers": [CONTAINER]}}

# The handler of this node whose cgroups are delegated as a kubelet's driver does it.
HANDLERS = {"writable": "delegated"}
# Of the policy "baseline" (Pod Security Standards).
BASELINE = {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
            "SETPCAP", "SETUID", "SYS_CHROOT"}

each = pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)


def check_fields(value, kind, where):
    if isinstance(kind, dict):
        assert isinstance(value, dict) and not value.keys() - kind.keys(), f"{where}: {value}"
        for key, entry in value.items():
            check_fields(entry, kind[key], f"{where}.{key}")
    elif isinstance(kind, list):
        assert isinstance(value, list), f"{where}: {value}"
        for number, entry in enumerate(value):
            check_fields(entry, kind[0], f"{where}[{number}]")
    else:
        assert type(value) is kind, f"{where}: {value}"


def level(spec):
    """The Pod Security level that admits it: none of them is as strict as `restricted`, since systemd is root."""
    added = {name for container in spec["containers"]
             for name in container.get("securityContext", {}).get("capabilities", {}).get("add", [])}
    return "baseline" if added <= BASELINE else "privileged"


def settings_of(spec):
    """What the runtime is asked for, as pods.py has it."""
    main, = spec["containers"]
    settings = {key: spec[key] for key in ("hostUsers", "runtimeClassName") if key in spec}
    if "runtimeClassName" in settings:
        settings["runtimeClassName"] = HANDLERS[settings["runtimeClassName"]]
    if "securityContext" in main:
        settings["securityContext"] = main["securityContext"]
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in main.get("volumeMounts", [])}
    memory = [path for path, volume in mounted.items() if volume.get("emptyDir", {}).get("medium") == "Memory"]
    if memory:
        settings["memory"] = memory
    brought = mounted.get(TOOLS)
    if brought is not None:
        settings["cginit"] = "image volume" if "image" in brought else "init container"
    assert set(mounted) == {*memory, *([TOOLS] if brought else [])}, "a volume that no test mounts"
    assert main["command"] == [f"{TOOLS if brought else ''}/cginit"]
    return settings, main["args"]


def read(path):
    return yaml.safe_load(path.read_text())


def test_all_are_read():
    assert len(MANIFESTS) >= 6


@each
def test_kubernetes_knows_its_fields(path):
    manifest = read(path)
    check_fields(manifest, POD, path.name)
    assert (manifest["apiVersion"], manifest["kind"]) == ("v1", "Pod")
    # lifecycle.stopSignal is refused without it.
    assert manifest["spec"]["os"] == {"name": "linux"}
    main, = manifest["spec"]["containers"]
    assert main["lifecycle"]["stopSignal"] == "SIGRTMIN+3"
    assert f"# Pod Security: {level(manifest['spec'])}\n" in path.read_text()


@each
@pytest.mark.view("unified")
def test_systemd_boots(nodes, path):  # noqa: F811
    spec = read(path)["spec"]
    settings, init = settings_of(spec)
    node = nodes("unified")
    node.image("trixie")
    missing, method = booted(node, Way(path.stem, "trixie", init=tuple(init)), settings)
    assert not missing and method, missing
