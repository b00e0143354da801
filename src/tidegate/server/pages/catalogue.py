# SPDX-License-Identifier: Apache-2.0
"""The catalogue as pages: a list that can be searched, and one page a repository. No script, nothing from elsewhere.

Images describe themselves, so every text on the page is hostile: the template engine escapes it, and a policy forbids
the browser whatever is not the page's own style.
"""

from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from tidegate.artifact import Repository
from tidegate.assembly.server import Server
from tidegate.curation.lifecycle import State
from tidegate.curation.vending.catalogue import Asked, Version
from tidegate.curation.vending.how_to_use import usage
from tidegate.errors import InvalidInputError, NotFoundError, TidegateError
from tidegate.server.catalogue_places import CataloguePlaces
from tidegate.server.cursors import MAX_CHARS
from tidegate.server.offload import Offload
from tidegate.server.visible import sight_of

if TYPE_CHECKING:
    from jinja2 import Template

PAGE_SIZE: Final = 30
_MAX_CHARS: Final = 200
_SOON_DAYS: Final = 90
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_STATES: Final = (State.ADMITTED, State.RESTRICTED, State.DEPRECATED, State.RECALLED, State.REJECTED)


def catalogue_routes(server: Server, offload: Offload) -> list[BaseRoute]:
    """The routes of the pages, to be mounted at `/catalogue` behind a sign-in."""

    async def listing(request: Request) -> Response:
        return await offload.run(_listing, server, request)

    async def repository(request: Request) -> Response:
        return await offload.run(_repository, server, request)

    return [Route("/", listing), Route("/{name:path}", repository)]


def _listing(server: Server, request: Request) -> Response:
    query = {name: request.query_params.get(name, "")[:_MAX_CHARS] for name in ("q", "state", "owner", "platform")}
    places, after = CataloguePlaces(server.access), request.query_params.get("after", "")[:MAX_CHARS]
    wanted_state = query["state"] if query["state"] in set(State) else ""
    asked = Asked(words=query["q"], state=wanted_state, owner=query["owner"], platform=query["platform"])
    sight, today = sight_of(request, server.access), server.clock().date()
    place = ""
    with suppress(InvalidInputError):  # a place that is none here begins anew
        place = places.read(request, after)
    with server.database.read() as connection:
        found = server.catalogue.search(connection, asked, sight, today=today, after=place, limit=PAGE_SIZE)
    onward, host = places.written(request, found), request.headers.get("host", "")
    entries = [
        {
            "name": one.repository,
            "link": _link(request, one.repository),
            "owner": one.owner,
            "versions": one.versions,
            "newest": _shown(one.newest, one.repository, host) if one.newest else None,
        }
        for one in found.entries
    ]
    more = {**{name: text for name, text in query.items() if text}, "after": onward}
    return page_response(
        "list.html.jinja",
        title="Catalogue",
        entries=entries,
        query=query,
        states=[state.value for state in _STATES],
        next=f"?{urlencode(more)}" if onward else "",
        is_first=not place,
    )


def _repository(server: Server, request: Request) -> Response:
    try:
        name = Repository(request.path_params["name"])
        sight, today = sight_of(request, server.access, name), server.clock().date()
        with server.database.read() as connection:
            versions = server.catalogue.versions(connection, name, sight, today=today)
    except (NotFoundError, InvalidInputError) as error:
        return page_response(
            "missing.html.jinja", status=404, title="Not found", said=str(error), home=_link(request, "")
        )
    except TidegateError as error:
        return page_response(
            "missing.html.jinja", status=503, title="Not available", said=str(error), home=_link(request, "")
        )
    host = request.headers.get("host", "")
    shown = [_shown(one, name, host) for one in versions]
    good = next((one for one in shown if one["is_good"]), None)
    return page_response(
        "repository.html.jinja", title=name, name=name, versions=shown, good=good, home=_link(request, "")
    )


def _shown(version: Version, repository: str, host: str) -> dict[str, Any]:
    days = version.support_days
    return {
        "tag": version.tag,
        "digest": version.digest,
        "state": version.state,
        "is_good": version.state in {State.ADMITTED, State.DEPRECATED},
        "moved": version.moved_at[:10],
        "platforms": version.platforms,
        "title": version.title if version.title != repository else "",
        "description": version.description,
        "source": version.source if _is_address(version.source) else "",
        "owner": version.owner,
        "base": version.base,
        "system": version.system,
        "licence": version.licence.replace("-", " "),
        "size": _size(version.size),
        "components": version.components,
        "counts": [(name, number) for name, number in version.severities.items() if number],
        "exploited": version.exploited,
        "fixable": version.fixable,
        "is_scanned": version.is_scanned,
        "support": _support(days),
        "support_of": version.support_of,
        "support_mark": "" if days is None else "critical" if days < 0 else "medium" if days < _SOON_DAYS else "good",
        "notice": version.notice,
        "use": usage(host, repository, version.tag, version.digest),
    }


def _support(days: int | None) -> str:
    if days is None:
        return ""
    return f"{days} days left" if days >= 0 else f"ended {-days} days ago"


def _size(size: int) -> str:
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - the step between units
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"  # noqa: PLR2004
        value /= 1000
    return f"{value:.1f} TB"


def _is_address(text: str) -> bool:
    """True for what may stand as a link."""
    return text.isprintable() and urlsplit(text).scheme == "https" and not set(text) & set("\"'<> ")


def _link(request: Request, name: str) -> str:
    return f"{request.scope.get('root_path', '')}/{quote(name)}"


def page_response(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page of a template, in the style of all of them, with what keeps a browser from anything else."""
    style = (files("tidegate.server") / "pages" / "catalogue.css").read_text(encoding="utf-8")
    text = _template(template).render(style=style, **values)
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), status_code=status, headers=_HEADERS)


@cache
def _template(name: str) -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tidegate.server", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
