"""CRI, the interface by which a kubelet tells a container runtime about pods: its messages, and a client."""

import importlib.util
import re
from pathlib import Path

import grpc

from harness.shell import PATIENCE, CommandFailed, run

# Of Debian's golang-k8s-cri-api-dev.
DESCRIPTION = Path("/usr/share/gocode/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto")


def messages(directory):
    """The module of CRI's messages, made from their description."""
    directory.mkdir(exist_ok=True)
    # An option of fields that older versions of protoc do not know; it is about logs.
    text = re.sub(r"\s*\[\s*debug_redact\s*=\s*true\s*\]", "", DESCRIPTION.read_text())
    (directory / "api.proto").write_text(text)
    run("protoc", f"--proto_path={directory}", f"--python_out={directory}", "api.proto")
    spec = importlib.util.spec_from_file_location("api_pb2", directory / "api_pb2.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Refused(CommandFailed):
    """The runtime did not do what it was asked for; `status` is gRPC's name for why."""

    def __init__(self, method, error):
        self.status = error.code().name
        self.details = error.details()
        super().__init__(f"{method}: {self.status}: {self.details}")


class Client:
    """What a kubelet has to a runtime: a connection to its socket."""

    def __init__(self, api, socket):
        self.api = api
        self._channel = grpc.insecure_channel(f"unix://{socket}")

    def __call__(self, method, deadline=60, service="Runtime", **fields):
        """Calls a method with a request of these fields."""
        request = getattr(self.api, f"{method}Request")(**fields)
        call = self._channel.unary_unary(
            f"/runtime.v1.{service}Service/{method}", request_serializer=type(request).SerializeToString,
            response_deserializer=getattr(self.api, f"{method}Response").FromString)
        try:
            return call(request, timeout=deadline * PATIENCE)
        except grpc.RpcError as error:
            raise Refused(method, error) from None

    def close(self):
        self._channel.close()
