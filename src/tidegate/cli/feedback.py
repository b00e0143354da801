# SPDX-License-Identifier: Apache-2.0
"""`tidegate feedback list|show|render|messages|retry|times|test` and `tidegate feedback channel …`."""

from typing import TYPE_CHECKING

import click

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.feedback_channel import channel_verbs
from tidegate.cli.output import Output, output_options
from tidegate.cli.server_option import server_option
from tidegate.cli.table import write_table
from tidegate.errors import NotFoundError

if TYPE_CHECKING:
    from tidegate.assembly.feedback import Shown

_CASE = click.argument("case")

command = ClickVerbs(
    "feedback",
    help="Show what owners were told of their images, by which messages, and how long it took to mend.",
    examples=(
        ("tidegate feedback list --state open", "what is not mended yet"),
        ("tidegate feedback show 3f2a…", "a case: why, what mends it, and the proof"),
        ("tidegate feedback render 3f2a… --format issue", "as the body of an issue"),
        ("tidegate feedback times --days 30", "from told to mended, by owner and severity"),
    ),
)


@verb("list", examples=(("tidegate feedback list --owner team-web --state open", "what one owner has to mend"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--state", type=click.Choice(("open", "closed")), help="Only those of one state.")
@click.option("--owner", default="", metavar="NAME", help="Only those of an owner.")
@click.option("--digest", default="", metavar="DIGEST", help="Only those about an image.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most of them.")
def _list(
    call: Call, *, output: Output, server: str | None, state: str | None, owner: str, digest: str, limit: int
) -> int:
    """Show cases, the newest first."""
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        found = book.cases(state=state or "", owner=owner, subject=digest, limit=limit)
    if output.form == "json":
        output.write_json({"cases": found})
        return 0
    rows = [
        (
            one.id[:12],
            one.state,
            one.cause.value,
            one.severity.value,
            one.owner or "nobody",
            one.opened_at.isoformat(),
            one.why,
        )
        for one in found
    ]
    write_table(call, output, ("case", "state", "cause", "severity", "owner", "since", "why"), rows)
    return 0


@verb("show", examples=(("tidegate feedback show 3f2a… --format json", "with items, messages and the notice"),))
@server_option
@output_options("text", "json")
@_CASE
def _show(call: Call, *, output: Output, server: str | None, case: str) -> int:
    """Show a CASE: what it is about, what was said last, and how its messages fare."""
    found = _read(call, server, case)
    if output.form == "json":
        output.write_json(found)
        return 0
    from tidegate.curation.feedback.wording import text_of

    said = text_of((found.notice,)) if found.notice else f"{printable(found.case.why)}\nIts owner was not told yet.\n"
    sent = "".join(
        f"{one.state:8} {one.turn:8} by {one.channel} to {printable(one.recipient)}"
        f"{'; ' + printable(one.problem) if one.problem else ''} ({one.id[:12]})\n"
        for one in reversed(found.messages)
    )
    output.write_text(f"{said}\n{sent or 'No channel is there to tell it by.'}\n")
    return 0


@verb(
    "render",
    examples=(
        ("tidegate feedback render 3f2a… --format issue > issue.md", "the body of an issue"),
        ("tidegate feedback render 3f2a… --format comment", "with a hidden line by which a bot finds it again"),
        ("tidegate feedback render 3f2a… --format sarif -o case.sarif", "to upload where alerts are shown"),
    ),
)
@server_option
@output_options("text", "html", "issue", "comment", "sarif")
@_CASE
def _render(call: Call, *, output: Output, server: str | None, case: str) -> int:
    """Write what was said last of a CASE in another form."""
    from tidegate import __version__
    from tidegate.curation.feedback import wording
    from tidegate.curation.feedback.sarif import sarif_of

    found = _read(call, server, case)
    notice = found.notice
    if notice is None:
        raise NotFoundError("its owner was not told yet", where=found.case.id, remedy="try again in a moment")
    if output.form == "sarif":
        output.write_document(sarif_of(notice, version=__version__))
        return 0
    forms = {"issue": wording.issue_of, "comment": wording.comment_of}
    several = {"text": wording.text_of, "html": wording.html_of}
    output.write_text(forms[output.form](notice) if output.form in forms else several[output.form]((notice,)))
    return 0


@verb("messages", examples=(("tidegate feedback messages --state dead", "what could not be sent, and why"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--state", type=click.Choice(("waiting", "done", "dead", "merged")), help="Only those of one state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most of them.")
def _messages(call: Call, *, output: Output, server: str | None, state: str | None, limit: int) -> int:
    """Show messages, the newest first."""
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        found = book.messages(state=state or "", limit=limit)
    if output.form == "json":
        output.write_json({"messages": found})
        return 0
    rows = [
        (one.id[:12], one.state, one.turn.value, one.channel, one.recipient, str(one.attempts), one.problem)
        for one in found
    ]
    write_table(call, output, ("message", "state", "about", "channel", "to", "tries", "problem"), rows)
    return 0


@verb("retry", examples=(("tidegate feedback retry 9ab1…", "one that was given up"),))
@server_option
@click.argument("message")
def _retry(call: Call, *, server: str | None, message: str) -> int:
    """Have a MESSAGE sent that was given up, or that waits, by the server that uses the record."""
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        found = book.retry(message)
    call.note(f"message {found.id} is sent next")
    return 0


@verb("times", examples=(("tidegate feedback times --owner team-web --days 30", "of one owner"),))
@server_option
@output_options("table", "json", by_terminal=True)
@click.option("--owner", default="", metavar="NAME", help="Only those of an owner.")
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="Opened within so many.")
def _times(call: Call, *, output: Output, server: str | None, owner: str, days: int) -> int:
    """Tell how long it took from told to mended, by owner and severity, and what is still open."""
    from tidegate.assembly.feedback_book import open_feedback
    from tidegate.curation.feedback.wording import length_of

    with open_feedback(call.settings(client__server=server)) as book:
        found = book.times(owner=owner, days=days)
    if output.form == "json":
        output.write_json({"times": found})
        return 0
    rows = [
        (
            one.owner or "nobody",
            one.severity.value,
            str(one.open),
            length_of(one.oldest) if one.open else "",
            str(one.closed),
            length_of(one.median) if one.closed else "",
            length_of(one.ninetieth) if one.closed else "",
        )
        for one in found
    ]
    write_table(call, output, ("owner", "severity", "open", "oldest", "mended", "median", "nine in ten"), rows)
    return 0


@verb("test", examples=(("tidegate feedback test mail", "does it arrive?"),))
@server_option
@click.argument("channel")
def _test(call: Call, *, server: str | None, channel: str) -> int:
    """Send one message that says nothing else by a CHANNEL. Exit status 1 when it is not taken."""
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        answer = book.try_out(channel)
    if answer.problem:
        call.warn(answer.problem)
        return 1
    call.note(f"channel {channel} took it")
    return 0


def _read(call: Call, server: str | None, case: str) -> "Shown":
    from tidegate.assembly.feedback_book import open_feedback

    with open_feedback(call.settings(client__server=server)) as book:
        return book.case(case)


for _command in (_list, _show, _render, _messages, _retry, _times, _test, channel_verbs()):
    command.add_command(_command)
