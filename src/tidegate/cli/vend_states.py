# SPDX-License-Identifier: Apache-2.0
"""`tidegate vend restrict|deprecate|recall|retire|release`: changes of state that people make."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb
from tidegate.cli.output import Output, output_options

if TYPE_CHECKING:
    from tidegate.curation.change import Changed

_Function = Callable[..., int]
_REPLACEMENT: Final = click.option("--replacement", default="", metavar="IMAGE", help="What to use instead.")


def _common(function: _Function) -> _Function:
    options = (
        click.argument("digest"),
        click.option("--reason", required=True, help="Why, in one line; whoever is refused reads it."),
        output_options("table", "json"),
    )
    for option in reversed(options):
        function = option(function)
    return function


@verb("restrict", examples=(("tidegate vend restrict team/app:2 --where prod-eu --reason pilot", "for one cluster"),))
@_common
@click.option("--who", multiple=True, metavar="NAME", help="For whom: a name, group:NAME, namespace:NAME; repeatable.")
@click.option("--where", multiple=True, metavar="PLACE", help="Where: an address range, a zone, a cluster; repeatable.")
@click.option("--until", default="", metavar="DAY", help="The last day, or moment, it is handed out.")
def _restrict(
    call: Call, *, digest: str, reason: str, output: Output, who: tuple[str, ...], where: tuple[str, ...], until: str
) -> int:
    """Keep an image for some: who, where, until when. Everybody else is refused, and told the reason."""
    from tidegate.evidence.restriction import parse_restriction

    return _change(call, "restrict", digest, reason, output, restriction=parse_restriction(who, where, until))


@verb("deprecate", examples=(("tidegate vend deprecate team/app:1 --sunset 2027-06-30 --reason old", "until summer"),))
@_common
@click.option("--sunset", default="", metavar="DAY", help="When it is to be gone.")
@_REPLACEMENT
def _deprecate(call: Call, *, digest: str, reason: str, output: Output, sunset: str, replacement: str) -> int:
    """Say that an image should not be used any more: it is served with a warning."""
    from tidegate.evidence.restriction import parse_moment

    gone_at = parse_moment(sunset) if sunset else None
    return _change(call, "deprecate", digest, reason, output, sunset=gone_at, replacement=replacement)


@verb("recall", examples=(("tidegate vend recall sha256:4c1… --reason 'the build key leaked'", "at every gate"),))
@_common
@_REPLACEMENT
def _recall(call: Call, *, digest: str, reason: str, output: Output, replacement: str) -> int:
    """Take an image back: shut at the registry and at the execution gate until it is released."""
    return _change(call, "recall", digest, reason, output, replacement=replacement)


@verb("retire", examples=(("tidegate vend retire team/app:0.9 --reason 'replaced by 1.0'", "for good"),))
@_common
@_REPLACEMENT
def _retire(call: Call, *, digest: str, reason: str, output: Output, replacement: str) -> int:
    """Take an image out of use for good."""
    return _change(call, "retire", digest, reason, output, replacement=replacement)


@verb("release", examples=(("tidegate vend release sha256:4c1… --reason 'false alarm'", "judged again"),))
@_common
@click.option("--alone", default="", metavar="TEXT", help="Why you release what you pushed yourself; on record.")
def _release(call: Call, *, digest: str, reason: str, output: Output, alone: str) -> int:
    """Take the last of these back. What was recalled or rejected goes through quarantine again."""
    return _change(call, "release", digest, reason, output, alone=alone)


VERBS: Final = (_restrict, _deprecate, _recall, _retire, _release)


def _change(call: Call, act: str, name: str, reason: str, output: Output, **more: Any) -> int:
    settings = call.settings()
    from tidegate.assembly.keeping import local_user
    from tidegate.assembly.local import open_local
    from tidegate.curation.change import Act, Wish, change_state
    from tidegate.identity import Principal
    from tidegate.identity.duties import Actor

    by = Actor.of(Principal(name=local_user()))
    wish = Wish(act=Act(act), reason=reason, who=by.name, by=by, **more)
    with open_local(settings) as local, local.database.begin() as connection:
        digest = local.digest_of(connection, name)
        changed = change_state(connection, local.gate, digest, wish, at=local.clock())
    _tell(changed, output)
    return 0


def _tell(changed: "Changed", output: Output) -> None:
    if output.form == "json":
        output.write_json(changed)
    else:
        along = f", with {len(changed.with_children)} of its images" if changed.with_children else ""
        line = f"{changed.digest}  {changed.before} → {changed.after}{along}  (statement {changed.statement})"
        output.write_text(printable(line) + "\n")
