# SPDX-License-Identifier: Apache-2.0
"""Puts a notice into words: plain text, HTML, an issue, a comment on a pull request. Pure.

Names, paths and reasons come from images: no control character, markup or mention of theirs becomes ours.
"""

import html
import re
from collections.abc import Callable, Sequence
from typing import Final

from tidegate.bounds import printable
from tidegate.curation.feedback.notice import Affected, Cause, Fix, Notice, Objection, Turn

MAX_LINES: Final = 20
"""Reasons, and images, that are written out; of more there is a number."""
_MAX_CHARS: Final = 300
_HAPPENED: Final = {
    Cause.REJECTED: "did not pass the gate",
    Cause.RECALLED: "was recalled: no pull, no placement",
    Cause.RESTRICTED: "is restricted from now on",
    Cause.INCIDENT: "runs otherwise than it should",
}
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~@&$:/])")
_SECONDS_OF: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60))
Escape = Callable[[str], str]


def subject_of(notice: Notice) -> str:
    """One line that says what happened, the same for all of a thread but for its beginning."""
    if notice.turn is Turn.TEST:
        return f"[tidegate] {notice.why}"
    first = _name(notice.affected[0]) if notice.affected else "nothing"
    more = f" and {notice.affected_in_all - 1} more" if notice.affected_in_all > 1 else ""
    beginning = {Turn.CLOSED: "mended: ", Turn.CHANGED: "changed: "}.get(notice.turn, "")
    return f"[tidegate] {beginning}{_plain(first)}{more} {_HAPPENED[notice.cause]}"


def digest_subject(notices: Sequence[Notice]) -> str:
    """The same of several in one message."""
    return f"[tidegate] {len(notices)} messages while it was quiet"


def text_of(notices: Sequence[Notice]) -> str:
    """As plain text."""
    return "\n\n".join("\n".join(_lines(notice, _plain, heading="", code=_indented)) for notice in notices) + "\n"


def html_of(notices: Sequence[Notice]) -> str:
    """As simple HTML: no link but to passports, no image, no style, nothing that runs."""
    parts = []
    for notice in notices:
        lines = _lines(notice, lambda text: html.escape(_plain(text)), heading="", code=_preformatted)
        parts.append("\n".join(line if line.startswith("<pre>") else f"<p>{line}</p>" for line in lines if line))
    return f"<!DOCTYPE html>\n<html><body>\n{'<hr>'.join(parts)}\n</body></html>\n"


def issue_of(notice: Notice) -> str:
    """The body of an issue, in Markdown."""
    title = _markdown(subject_of(notice).removeprefix("[tidegate] "))
    return "\n".join([f"# {title}", "", *_lines(notice, _markdown, heading="## ", code=_fenced)]) + "\n"


def marker_of(notice: Notice) -> str:
    """The hidden line by which a bot finds its own comment again: the same for all of a thread."""
    return f"<!-- tidegate-feedback:{notice.case} -->"


def comment_of(notice: Notice) -> str:
    """A comment on a pull request."""
    title = _markdown(subject_of(notice).removeprefix("[tidegate] "))
    return (
        "\n".join([marker_of(notice), f"**{title}**", "", *_lines(notice, _markdown, heading="### ", code=_fenced)])
        + "\n"
    )


def length_of(seconds: float) -> str:
    """`2 days`, `3 hours`, `less than a minute`."""
    for name, length in _SECONDS_OF:
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {name}{'s' if number > 1 else ''}"
    return "less than a minute"


def _lines(notice: Notice, escape: Escape, *, heading: str, code: Escape) -> list[str]:
    if notice.turn is Turn.TEST:
        return [f"{escape(notice.why)}."]
    lines = [f"{escape(subject_of(notice).removeprefix('[tidegate] '))}.", ""]
    if notice.turn is Turn.CLOSED:
        how = {one.mended for one in notice.affected if one.mended}
        lines += [f"It is mended, after {length_of(notice.seconds)}. Thank you.", ""]
        lines += [f"* {escape(text)}" for text in sorted(how)[:MAX_LINES]]
    else:
        lines += [f"{heading}Why", *_objections(notice, escape), ""]
        lines += [f"{heading}What mends it", *_fixes(notice.fixes, escape, code), ""]
    lines += ["", f"{heading}What it is about"]
    lines += [f"* {escape(_about(one))}" for one in notice.affected[:MAX_LINES]]
    lines += _more(notice.affected_in_all - min(len(notice.affected), MAX_LINES))
    lines += ["", f"{heading}All that is known", *(f"* {escape(text)}" for text in notice.passports)]
    whose = f"{notice.owner} ({notice.owner_by})" if notice.owner else "nobody is named as its owner"
    lines += [
        "",
        escape(f"Told to: {whose}. Case {notice.case}, severity {notice.severity}, open since {notice.opened_at}."),
    ]
    return lines


def _objections(notice: Notice, escape: Escape) -> list[str]:
    found = [f"* {escape(_objection(one))}" for one in notice.objections[:MAX_LINES]]
    found += _more(len(notice.objections) - MAX_LINES)
    return found or [f"* {escape(notice.why)}"]


def _objection(one: Objection) -> str:
    named = one.item.split()[:1]  # an advisory's id, or the whole path; most reasons say it themselves
    item = f"{one.item}: " if named and named[0] not in one.message else ""
    return f"{item}{one.message}{f' — fix: {one.fix}' if one.fix else ''}"


def _fixes(fixes: Sequence[Fix], escape: Escape, code: Escape) -> list[str]:
    lines = []
    for fix in fixes[:MAX_LINES]:
        lines.append(f"* {escape(fix.what)}")
        lines += [code(_plain(command)) for command in fix.commands]
        lines.append(f"  {escape(('Proof: ' if fix.passes else 'Not enough: ') + fix.proof)}")
        lines += [f"  * {escape(text)}" for text in fix.left[:MAX_LINES]]
    return lines or ["* No fix is known yet. You will hear of it here when one is."]


def _about(one: Affected) -> str:
    runs = f", runs in {one.workloads} workload{'s' if one.workloads > 1 else ''}" if one.workloads else ""
    mended = f" — mended: {one.mended}" if one.mended else ""
    return f"{_name(one)} ({one.subject}){runs}{mended}"


def _name(one: Affected) -> str:
    return f"{one.repository}:{one.tags[0]}" if one.tags else one.repository or one.subject


def _more(number: int) -> list[str]:
    return [f"* and {number} more"] if number > 0 else []


def _plain(text: str) -> str:
    """One line without what steers a terminal or a mail program."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _MAX_CHARS else line[: _MAX_CHARS - 1] + "…"


def _markdown(text: str) -> str:
    """Text that no renderer of Markdown takes for anything else: no link, no HTML, no mention of a person."""
    return _MARKDOWN.sub(r"\\\1", _plain(text)).replace("\\@", "\\@\u200b")


def _indented(text: str) -> str:
    return f"      {text}"


def _fenced(text: str) -> str:
    # A fence longer than any run of back ticks within ends only where it ends.
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"  {ticks}\n  {text}\n  {ticks}"


def _preformatted(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"
