# SPDX-License-Identifier: Apache-2.0
"""A client of an API server: as a kubeconfig or a pod's own account says, over TLS, within bounds.

lightkube finds the server and who asks (client certificate, token, a token file that the kubelet renews, a program of
the kubeconfig's) and knows every kind's path; what comes back is bounded here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import yaml
from lightkube import Client, KubeConfig
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from tidegate.bounds import printable
from tidegate.errors import InvalidInputError, UsageError
from tidegate.kubernetes.failures import kubernetes_failures
from tidegate.kubernetes.transport import BoundedTransport

FIELD_MANAGER: Final = "tidegate"
"""Whom the API server notes as the author of what is changed (`managedFields`)."""
TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)


def find_api_server(config_file: Path | None = None, context: str = "") -> SingleConfig:
    """Where an API server is, and as whom it is asked.

    Args:
        config_file: a kubeconfig; None takes the account of the pod this runs in, or else what kubectl takes
            (`KUBECONFIG`, `~/.kube/config`).
        context: of the kubeconfig; "" takes its current one.

    Raises:
        UsageError: nothing says where; the file or the context is not there.
        InvalidInputError: the file is no kubeconfig.
    """
    where = str(config_file or "kubeconfig")
    try:
        config = KubeConfig.from_file(config_file) if config_file is not None else KubeConfig.from_env()
        found = config.get(context or None)
    except (ConfigError, OSError) as error:
        remedy = "set kubernetes.config_file and kubernetes.context"
        raise UsageError(printable(str(error)), where=where, remedy=remedy) from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InvalidInputError(f"no kubeconfig: {printable(repr(error)[:200])}", where=where) from error
    if found is None or not found.cluster.server.startswith("https://"):
        raise UsageError("an API server is asked over https only", where=where)
    if found.cluster.insecure:
        raise UsageError(
            "insecure-skip-tls-verify is not followed", where=where, remedy="give certificate-authority instead"
        )
    return found if found.user is not None else found._replace(user=User())


@contextmanager
def open_client(found: SingleConfig) -> Iterator[Client]:
    """A client, for as long as the block lasts. Safe for threads. What it raises is mapped by `kubernetes_failures`.

    Raises:
        UsageError, OutsideError: its certificates or its key cannot be read.
    """
    with kubernetes_failures(found.cluster.server):
        transport = _transport(found)
        client = Client(
            found, timeout=TIMEOUT, trust_env=False, transport=transport, field_manager=FIELD_MANAGER, lazy=True
        )
    with client:
        yield client


@contextmanager
def open_http(found: SingleConfig) -> Iterator[httpx.Client]:
    """The same without kinds, for answers that are read as they are. Raises as `open_client`."""
    with kubernetes_failures(found.cluster.server):
        http = httpx.Client(
            base_url=found.cluster.server,
            auth=user_auth(found.user),
            transport=_transport(found),
            timeout=TIMEOUT,
            trust_env=False,
            headers={"User-Agent": FIELD_MANAGER},
        )
    with http:
        yield http


def _transport(found: SingleConfig) -> BoundedTransport:
    context = verify_cluster(found.cluster, found.user or User(), found.abs_file, trust_env=False)
    return BoundedTransport(httpx.HTTPTransport(verify=context, trust_env=False))
