# SPDX-License-Identifier: Apache-2.0
"""`tidegate logout`."""

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.login import server_address


@verb("logout", examples=(("tidegate logout https://registry.example", "what is kept for it is forgotten"),))
@click.argument("server", required=False)
def command(call: Call, *, server: str | None) -> int:
    """Forget the login that is kept for SERVER, in the file or by the credential helper."""
    from tidegate.assembly.remote import login_file
    from tidegate.outbound.address import split_url

    address = server_address(call, server)
    forgotten = login_file(call.settings()).forget(split_url(address).netloc)
    call.note(f"the login of {address} is forgotten" if forgotten else f"no login was kept for {address}")
    return 0
