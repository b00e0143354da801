# SPDX-License-Identifier: Apache-2.0
"""What is declared, seen and running of the network: from files that a caller named, and from a cluster."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tidegate.assembly.rule_text import rule_text
from tidegate.bounds import MIB, Readable, read_bounded
from tidegate.errors import BoundExceededError, NotFoundError, OutsideError
from tidegate.execution.network.flow_file import load_flows
from tidegate.execution.network.flows import Flows
from tidegate.execution.network.live import LiveCluster, live_cluster
from tidegate.execution.network.network_policy import NetworkPolicy, policies_in
from tidegate.execution.network.observed import ObservedFlow, read_observed
from tidegate.manifests.documents import read_documents
from tidegate.settings import Settings

MAX_OBSERVED_BYTES: Final = 256 * MIB
MAX_RUNNING_BYTES: Final = 16 * MIB
MAX_FILES: Final = 5000
MAX_LISTED: Final = 100_000
_LISTED: Final = {"namespaces": "v1", "pods": "v1", "services": "v1", "networkpolicies": "networking.k8s.io/v1"}
_NAMES: Final = (".yaml", ".yml", ".json")


def declared_flows(paths: Sequence[Path]) -> Flows:
    """What files declare; nothing without any.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    return load_flows({str(path): rule_text(path) for path in paths})


def observed_flows(path: Path) -> tuple[ObservedFlow, ...]:
    """What a file of observations tells.

    Raises:
        TidegateError: it cannot be read, or a line is wrong.
    """
    return read_observed(_bytes(path, MAX_OBSERVED_BYTES).splitlines(), where=str(path))


def running_policies(path: Path, given: Readable | None = None) -> tuple[NetworkPolicy, ...]:
    """The policies in a file, in a folder and those below it, or in what is given.

    Raises:
        TidegateError: something cannot be read, or a policy is wrong.
    """
    if given is not None:
        raw = read_bounded(given, max_bytes=MAX_RUNNING_BYTES, what="standard input")
        return policies_in(read_documents(raw, where="standard input"), where="standard input")
    found: list[NetworkPolicy] = []
    for file in _files(path) if path.is_dir() else [path]:
        found += policies_in(read_documents(_bytes(file, MAX_RUNNING_BYTES), where=str(file)), where=str(file))
    return tuple(found)


def running_cluster(settings: Settings) -> LiveCluster:
    """What runs in the cluster that settings name, and its policies. It needs to list these four kinds, and no more.

    Raises:
        TidegateError: nothing says where its API server is, it cannot be asked, or lets nobody list them.
    """
    from tidegate.assembly.kubernetes import api_server
    from tidegate.kubernetes.client import open_http
    from tidegate.kubernetes.objects import Objects, object_path

    with open_http(api_server(settings)) as http:
        api = Objects(http)
        listed = {
            plural: api.listed(object_path(group, plural), where=f"{plural} of the cluster", max_objects=MAX_LISTED)
            for plural, group in _LISTED.items()
        }
    return live_cluster(
        namespaces=listed["namespaces"],
        pods=listed["pods"],
        services=listed["services"],
        policies=listed["networkpolicies"],
    )


def _files(folder: Path) -> list[Path]:
    found = sorted(file for file in folder.rglob("*") if file.suffix in _NAMES and file.is_file())
    if len(found) > MAX_FILES:
        raise BoundExceededError("MAX_FILES", MAX_FILES, where=str(folder))
    return found


def _bytes(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=max_bytes, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such file", where=str(path), remedy="check the path") from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
