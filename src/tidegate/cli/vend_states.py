# SPDX-License-Identifier: Apache-2.0
"""`tidegate vend restrict|deprecate|recall|retire|release`: changes of state that people make."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option

if TYPE_CHECKING:
    from tidegate.curation.change import Changed
    from tidegate.settings import Settings

_Function = Callable[..., int]
_REPLACEMENT: Final = click.option("--replacement", default="", metavar="IMAGE", help="What to use instead.")


def _common(function: _Function) -> _Function:
    options = (
        click.argument("digest"),
        click.option("--reason", required=True, help="Why, in one line; whoever is refused reads it."),
        output_options("table", "json"),
        server_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


@verb("restrict", examples=(("tidegate vend restrict team/app:2 --where prod-eu --reason pilot", "for one cluster"),))
@_common
@click.option("--who", multiple=True, metavar="NAME", help="For whom: a name, group:NAME, namespace:NAME; repeatable.")
@click.option("--where", multiple=True, metavar="PLACE", help="Where: an address range, a zone, a cluster; repeatable.")
@click.option("--until", default="", metavar="DAY", help="The last day, or moment, it is handed out.")
def _restrict(call: Call, **said: Any) -> int:
    """Keep an image for some: who, where, until when. Everybody else is refused, and told the reason."""
    return _change(call, "restrict", **said)


@verb("deprecate", examples=(("tidegate vend deprecate team/app:1 --sunset 2027-06-30 --reason old", "until summer"),))
@_common
@click.option("--sunset", default="", metavar="DAY", help="When it is to be gone.")
@_REPLACEMENT
def _deprecate(call: Call, **said: Any) -> int:
    """Say that an image should not be used any more: it is served with a warning."""
    return _change(call, "deprecate", **said)


@verb("recall", examples=(("tidegate vend recall sha256:4c1… --reason 'the build key leaked'", "at every gate"),))
@_common
@_REPLACEMENT
def _recall(call: Call, **said: Any) -> int:
    """Take an image back: shut at the registry and at the execution gate until it is released."""
    return _change(call, "recall", **said)


@verb("retire", examples=(("tidegate vend retire team/app:0.9 --reason 'replaced by 1.0'", "for good"),))
@_common
@_REPLACEMENT
def _retire(call: Call, **said: Any) -> int:
    """Take an image out of use for good."""
    return _change(call, "retire", **said)


@verb("release", examples=(("tidegate vend release sha256:4c1… --reason 'false alarm'", "judged again"),))
@_common
@click.option("--alone", default="", metavar="TEXT", help="Why you release what you pushed yourself; on record.")
def _release(call: Call, **said: Any) -> int:
    """Take the last of these back. What was recalled or rejected goes through quarantine again."""
    return _change(call, "release", **said)


VERBS: Final = (_restrict, _deprecate, _recall, _retire, _release)


def _change(call: Call, act: str, *, digest: str, output: Output, server: str | None, **said: Any) -> int:
    settings = call.settings(client__server=server)
    if settings.client.server:
        changed = _changed_there(settings, act, digest, said)
    else:
        changed = _changed_here(settings, act, digest, said)
    _tell(changed, output)
    return 0


def _changed_there(settings: "Settings", act: str, name: str, said: dict[str, Any]) -> "Changed":
    from tidegate.assembly.remote import open_remote
    from tidegate.curation.change import Changed

    with open_remote(settings) as server:
        return server.ask("POST", f"/images/{server.digest_of(name)}/{act}", Changed, body=said)


def _changed_here(settings: "Settings", act: str, name: str, said: dict[str, Any]) -> "Changed":
    from tidegate.assembly.keeping import local_user
    from tidegate.assembly.local import open_local
    from tidegate.curation.change import Act, Wish, change_state
    from tidegate.identity import Principal
    from tidegate.identity.duties import Actor

    by = Actor.of(Principal(name=local_user()))
    wish = Wish(act=Act(act), who=by.name, by=by, **_parsed(act, said))
    with open_local(settings) as local, local.database.begin() as connection:
        digest = local.digest_of(connection, name)
        return change_state(connection, local.gate, digest, wish, at=local.clock())


def _parsed(act: str, said: dict[str, Any]) -> dict[str, Any]:
    """What was said, as values: who, where and until are a restriction, and a sunset is a moment."""
    from tidegate.evidence.restriction import parse_moment, parse_restriction

    rest = {name: value for name, value in said.items() if name not in {"who", "where", "until", "sunset"}}
    if act == "restrict":
        return {**rest, "restriction": parse_restriction(said["who"], said["where"], said["until"])}
    return {**rest, "sunset": parse_moment(said["sunset"])} if said.get("sunset") else rest


def _tell(changed: "Changed", output: Output) -> None:
    if output.form == "json":
        output.write_json(changed)
    else:
        along = f", with {len(changed.with_children)} of its images" if changed.with_children else ""
        line = f"{changed.digest}  {changed.before} → {changed.after}{along}  (statement {changed.statement})"
        output.write_text(printable(line) + "\n")
