# SPDX-License-Identifier: Apache-2.0
"""`tidegate version`."""

import platform
import sys

from tidegate import __version__
from tidegate.cli import VERSION_LINE
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options


@verb(
    "version",
    examples=(
        ("tidegate version", "the version alone"),
        ("tidegate version --format json", "with interpreter and system, for a report"),
    ),
)
@output_options("table", "json")
def command(_call: Call, output: Output) -> int:
    """Say which tidegate this is."""
    if output.form == "json":
        system = f"{sys.platform}/{platform.machine()}"
        output.write_json({"version": __version__, "python": platform.python_version(), "system": system})
    else:
        output.write_text(VERSION_LINE)
    return 0
