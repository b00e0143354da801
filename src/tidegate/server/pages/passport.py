# SPDX-License-Identifier: Apache-2.0
"""A passport as a page: how the image came about, what was decided, and every line with its checks. No script."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tidegate.artifact import Digest
from tidegate.assembly.server import Server
from tidegate.curation.lifecycle import State
from tidegate.errors import InvalidInputError, NotFoundError, TidegateError
from tidegate.oversight.entry import Entry, EntryKind
from tidegate.oversight.passport import Passport, passport
from tidegate.server.offload import Offload
from tidegate.server.pages.catalogue import page_response
from tidegate.server.passport_sight import passport_sight_of

PAGE_SIZE: Final = 100
_HOME: Final = "/catalogue/"
_KEY_CHARS: Final = 12
_MOST_DIGITS: Final = 7
_BAD: Final = ("rejected", "recalled", "retired", "deny", "revoked", "incident")
_GOOD: Final = ("admitted", "allow", "trusted", "confirmed")
_NAMES: Final = {
    "source": "Source",
    "builder": "Builder",
    "base": "Base image",
    "sbom": "Bill of materials",
    "scan": "Scan",
    "tests": "Tests",
    "reviews": "Reviews",
    "commits": "Commit trail",
    "vex": "VEX",
}


def passport_routes(server: Server, offload: Offload) -> list[BaseRoute]:
    """The routes of the pages, to be mounted at `/passports` behind a sign-in."""

    async def show(request: Request) -> Response:
        return await offload.run(_show, server, request)

    return [Route("/{digest}", show)]


def _show(server: Server, request: Request) -> Response:
    text = request.query_params.get("skip", "0")
    skip = int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else 0
    try:
        digest, sight = Digest(request.path_params["digest"]), passport_sight_of(request, server.access)
        with server.database.read() as connection:
            trust = server.gate.trust(connection)
            found = passport(connection, digest, trust, sight=sight, skip=skip, limit=PAGE_SIZE)
    except (NotFoundError, InvalidInputError) as error:
        return page_response("missing.html.jinja", status=404, title="Not found", said=str(error), home=_HOME)
    except TidegateError as error:
        return page_response("missing.html.jinja", status=503, title="Not available", said=str(error), home=_HOME)
    end = found.skipped + len(found.entries)
    return page_response(
        "passport.html.jinja",
        title=f"Passport of {found.digest[:19]}",
        home=_HOME,
        found=found,
        is_good=found.state in {State.ADMITTED, State.DEPRECATED},
        names=found.tags or found.repositories,
        facts=[{"name": _NAMES.get(one.name, one.name), "value": one.value, "holds": one.holds} for one in found.facts],
        entries=[_line(one) for one in found.entries],
        before=f"?skip={max(0, found.skipped - PAGE_SIZE)}" if found.skipped else "",
        after=f"?skip={end}" if end < found.total else "",
        can_export=sight.sees_all,
        sound=_sound(found),
    )


def _sound(found: Passport) -> str:
    which = "" if found.total == len(found.entries) else " on this page"
    if found.sound:
        return f"Every signature{which} was verified, and every entry proved to be in the ledger, for this page."
    return f"A signature or a ledger proof{which} does not hold."


def _line(entry: Entry) -> dict[str, Any]:
    detail = entry.detail
    last = entry.what.rpartition("→")[2]
    mark = "critical" if any(word in last for word in _BAD) else "good" if any(word in last for word in _GOOD) else ""
    decision = detail.get("decision") if entry.kind is EntryKind.DECISION else None
    return {
        "at": entry.at,
        "kind": entry.kind.value,
        "what": entry.what,
        "who": entry.who,
        "why": entry.why,
        "mark": mark,
        "is_signed": entry.is_signed,
        "holds": entry.holds,
        "check": _check(entry),
        "policies": [
            {"name": ref["name"], "digest": ref["digest"][:19]} for ref in (decision or {}).get("policies", ())
        ],
        "until": (decision or {}).get("expires_at", ""),
        "envelope": str(detail.get("envelope", "")),
    }


def _check(entry: Entry) -> str:
    detail = entry.detail
    if not entry.is_signed:
        return ""
    if not detail["verified"]:
        return str(detail.get("problem", "not verified"))
    names = detail.get("signed_by") or []
    keys = [name or key[:_KEY_CHARS] for key, name in zip(detail["signers"], names, strict=False)]
    place = f"ledger entry {detail['ledger_index']}"
    return f"signed by {', '.join(keys)}, {place}" if detail["in_ledger"] else f"NOT in the ledger at {place}"
