# SPDX-License-Identifier: Apache-2.0
"""`tidegate recipient list|add|remove|copies|releases|rotate`."""

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.table import write_table

_LIMIT = click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most lines.")
_SHORT_CHARS = 12

command = ClickVerbs(
    "recipient",
    help="Say for whom the registry encrypts copies of images, and see who was given their keys.",
    examples=(
        ("tidegate recipient add robot$edge edge.pub.pem", "a consumer's public key"),
        ("tidegate recipient releases", "who was given keys, or refused them"),
        ("tidegate recipient rotate", "a new key for the server itself"),
    ),
)


@verb("list", examples=(("tidegate recipient list --format json", "for a program"),))
@output_options("table", "json")
@click.argument("name", default="")
def _list(call: Call, *, output: Output, name: str) -> int:
    """Show the public keys of all consumers, or of one."""
    from tidegate.assembly.keeping import open_keeping
    from tidegate.curation.encryption.recipients import list_recipients

    with open_keeping(call.settings()) as keeping, keeping.database.read() as connection:
        found = list_recipients(connection, name=name)
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [(item.name, item.kid, item.added_at, item.added_by) for item in found]
    write_table(call, output, ("name", "key", "since", "by"), rows)
    return 0


@verb("add", examples=(("tidegate recipient add robot$edge edge.pub.pem", "PEM, DER or JWK; RSA or EC"),))
@click.argument("name")
@click.argument("public_key")
def _add(call: Call, *, name: str, public_key: str) -> int:
    """Register a PUBLIC_KEY file for the consumer of that principal's NAME (or group:NAME)."""
    from tidegate.assembly.keeping import local_user, open_keeping
    from tidegate.curation.encryption.recipients import add_recipient
    from tidegate.oci.encryption.keys import load_recipient

    key = load_recipient(public_key)
    with open_keeping(call.settings()) as keeping, keeping.database.begin() as connection:
        new = add_recipient(connection, name, key, who=local_user(), at=keeping.clock())
    call.note(f"{name}: {key.kid} {'is registered' if new else 'was registered before'}")
    return 0


@verb("remove", examples=(("tidegate recipient remove robot$edge 4Zk…", "copies made before stay as they are"),))
@click.argument("name")
@click.argument("kid")
def _remove(call: Call, *, name: str, kid: str) -> int:
    """Take the key of that thumbprint (KID) out: copies made from now on are not for it."""
    from tidegate.assembly.keeping import local_user, open_keeping
    from tidegate.curation.encryption.recipients import remove_recipient

    with open_keeping(call.settings()) as keeping, keeping.database.begin() as connection:
        remove_recipient(connection, name, kid, who=local_user(), at=keeping.clock())
    call.note(f"{name}: {kid} is removed")
    return 0


@verb("copies", examples=(("tidegate recipient copies", "newest first"),))
@output_options("table", "json")
@_LIMIT
def _copies(call: Call, *, output: Output, limit: int) -> int:
    """Show encrypted copies, what they are copies of and for whom."""
    from tidegate.assembly.keeping import open_keeping
    from tidegate.clock import rfc3339
    from tidegate.curation.encryption.copies import list_copies

    with open_keeping(call.settings()) as keeping, keeping.database.read() as connection:
        found = list_copies(connection, limit=limit)
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        (rfc3339(item.made_at), item.encrypted.short, item.plain.short, ", ".join(item.consumers), item.made_by)
        for item in found
    ]
    write_table(call, output, ("at", "copy", "of", "for", "by"), rows)
    return 0


@verb("releases", examples=(("tidegate recipient releases --format json", "for a program"),))
@output_options("table", "json")
@_LIMIT
def _releases(call: Call, *, output: Output, limit: int) -> int:
    """Show who was given the keys of which copy, and who was refused them and why: newest first."""
    from tidegate.artifact import Digest
    from tidegate.assembly.keeping import open_keeping
    from tidegate.curation.encryption.key_release import list_releases

    with open_keeping(call.settings()) as keeping, keeping.database.read() as connection:
        found = list_releases(connection, limit=limit)
    if output.form == "json":
        output.write_json(found)
        return 0
    rows = [
        (item.at, item.principal, Digest(item.encrypted).short, item.kid[:_SHORT_CHARS], item.why or "released")
        for item in found
    ]
    write_table(call, output, ("at", "who", "copy", "key", "outcome"), rows)
    return 0


@verb("rotate", examples=(("tidegate recipient rotate", "then start the server again"),))
def _rotate(call: Call) -> int:
    """Put a new key of the server in force; the old one is kept, for the copies it is a recipient of.

    A running server takes it up at its next start.
    """
    from tidegate.assembly.encryption import rotate_server_key
    from tidegate.clock import system_clock

    before, after = rotate_server_key(call.settings().signing.encryption_key_file, clock=system_clock)
    call.note(f"{after} takes the place of {before}; start the server again")
    return 0


for _one in (_list, _add, _remove, _copies, _releases, _rotate):
    command.add_command(_one)
