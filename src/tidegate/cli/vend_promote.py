# SPDX-License-Identifier: Apache-2.0
"""`tidegate vend promote`: an admitted image to another repository or registry."""

from typing import TYPE_CHECKING, Final

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.errors import InvalidInputError

if TYPE_CHECKING:
    from tidegate.curation.vending.carrying import Promoted
    from tidegate.settings import Settings


@verb(
    "promote",
    examples=(
        ("tidegate vend promote dev/app:1.2 prod/app:1.2 --reason 'release 1.2'", "here: at once, no bytes moved"),
        ("tidegate vend promote prod/app:1.2 registry.example/prod/app:1.2 --reason mirror", "to another registry"),
    ),
)
@click.argument("image")
@click.argument("target")
@click.option("--reason", required=True, help="Why, in one line; kept on record.")
@server_option
@output_options("table", "json")
def _promote(call: Call, *, image: str, target: str, reason: str, output: Output, server: str | None) -> int:
    """Promote an admitted IMAGE (repository:tag or repository@digest) to TARGET, with all that hangs on it.

    It must pass the gate as what it is at the target. Done again, nothing is new; broken off, it goes on where it was.
    Exit status 1 when the gate says no.
    """
    settings = call.settings(client__server=server)
    from tidegate.artifact import Reference
    from tidegate.assembly.keeping import local_user
    from tidegate.assembly.vending import open_vending
    from tidegate.curation.vending.carrying import parse_target
    from tidegate.curation.vending.promotion import Promotion

    name, tag, is_here = parse_target(target)
    source = Reference.parse(f"localhost/{image}")
    if source.tag is None and source.digest is None:
        raise InvalidInputError("which of its images", where=image, remedy="write repository:tag or repository@digest")
    if settings.client.server:
        done = _promoted_there(settings, image, source.repository, target, reason)
    else:
        with open_vending(settings) as (local, vending):
            with local.database.read() as connection:
                digest = local.digest_of(connection, image)
            wish = Promotion(
                digest=digest, source=source.repository, target=name, tag=tag, who=local_user(), why=reason
            )
            if is_here:
                done = vending.promote_here(wish)
            else:
                vending.ask(wish)
                done = vending.carry_out(wish)
    if output.form == "json":
        output.write_json(done)
    else:
        where = f"{done.target}:{done.tag}" if done.tag else f"{done.target}@{done.digest}"
        output.write_text(printable(f"{done.digest} → {where}  ({done.manifests} manifests)") + "\n")
    return 0


def _promoted_there(settings: "Settings", image: str, source: str, target: str, reason: str) -> "Promoted":
    from tidegate.assembly.remote import open_remote
    from tidegate.curation.vending.carrying import Promoted
    from tidegate.errors import OutsideError
    from tidegate.remote.server import quoted

    with open_remote(settings) as server:
        wish = {"digest": server.digest_of(image), "source": source, "target": target, "reason": reason}
        done = server.ask("POST", "/promotions", Promoted, body=wish)
        while done.state == "asked":  # to another registry: the server waits for up to a minute each time
            done = server.ask("GET", f"/promotions/{quoted(done.id)}", Promoted, query={"wait": 50})
    if done.state != "done":
        raise OutsideError(done.problem or "it failed", where=target)
    return done


VERBS: Final = (_promote,)
