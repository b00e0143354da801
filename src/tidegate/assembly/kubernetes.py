# SPDX-License-Identifier: Apache-2.0
"""The API server that settings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate.settings import Settings

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.config.kubeconfig import SingleConfig


def api_server(settings: Settings) -> "SingleConfig":
    """Where it is, and as whom it is asked.

    Raises:
        TidegateError: nothing says so, or what says so is broken.
    """
    from tidegate.kubernetes.client import find_api_server

    return find_api_server(settings.kubernetes.config_file, settings.kubernetes.context)


@contextmanager
def open_kubernetes(settings: Settings) -> Iterator["Client"]:
    """A client of it, for as long as the block lasts. Raises as `api_server`."""
    from tidegate.kubernetes.client import open_client

    with open_client(api_server(settings)) as client:
        yield client
