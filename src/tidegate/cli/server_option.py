# SPDX-License-Identifier: Apache-2.0
"""`--server`: a verb asks a server instead of the record here."""

from collections.abc import Callable
from typing import Final

import click

Function = Callable[..., int]
_OPTION: Final = click.option(
    "--server", metavar="URL", help="Ask this server, with the login kept for it. [client.server]"
)


def server_option(function: Function) -> Function:
    """Adds `--server`; the verb gets it as `server` and hands it to `Call.settings` as `client__server`."""
    return _OPTION(function)
