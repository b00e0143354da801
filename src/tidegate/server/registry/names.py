# SPDX-License-Identifier: Apache-2.0
"""Path and query parts to values, refused with the code the specification has for each."""

from http import HTTPStatus

from starlette.requests import Request

from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation.shelf import ManifestUnknownError
from tidegate.curation.tags import MAX_PAGE
from tidegate.errors import InvalidInputError
from tidegate.server.registry.errors import RegistryError

_MAX_LAST_CHARS = 512
_MAX_TAGS = 50


def repository_in(request: Request) -> Repository:
    """The repository of the path.

    Raises:
        RegistryError: NAME_INVALID.
    """
    return repository(request.path_params["name"])


def repository(text: str) -> Repository:
    """A repository's name.

    Raises:
        RegistryError: NAME_INVALID.
    """
    try:
        return Repository(text)
    except InvalidInputError as error:
        raise RegistryError(HTTPStatus.BAD_REQUEST, "NAME_INVALID", str(error)) from error


def digest(text: str) -> Digest:
    """A digest.

    Raises:
        RegistryError: DIGEST_INVALID.
    """
    try:
        return Digest(text)
    except InvalidInputError as error:
        raise RegistryError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", str(error)) from error


def locator_in(request: Request) -> Tag | Digest:
    """The tag or digest of the path.

    Raises:
        RegistryError: DIGEST_INVALID; MANIFEST_INVALID where a tag of no such form is to be written.
        ManifestUnknownError: a tag of no such form is asked for.
    """
    text = request.path_params["locator"]
    if ":" in text:
        return digest(text)
    try:
        return Tag(text)
    except InvalidInputError as error:
        if request.method == "PUT":
            raise RegistryError(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID", str(error)) from error
        raise ManifestUnknownError(repository_in(request), text[:128]) from error


def tags_in(request: Request) -> tuple[Tag, ...]:
    """Tags of the query, which a manifest pushed by digest gets as well.

    Raises:
        RegistryError: MANIFEST_INVALID for one of no such form; 414 for too many.
    """
    wanted = list(dict.fromkeys(request.query_params.getlist("tag")))
    if len(wanted) > _MAX_TAGS:
        what = f"more than {_MAX_TAGS} tags at once"
        raise RegistryError(HTTPStatus.REQUEST_URI_TOO_LONG, "SIZE_INVALID", what)
    try:
        return tuple(map(Tag, wanted))
    except InvalidInputError as error:
        raise RegistryError(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID", str(error)) from error


def query_in(request: Request, *, repeated: str = "") -> dict[str, str]:
    """The query; what is said twice could be read in two ways, by us and by whoever looked at it before us.

    Args:
        request: asked.
        repeated: a parameter that may be.

    Raises:
        RegistryError: UNSUPPORTED.
    """
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in query and name != repeated:
            raise RegistryError(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", "a query parameter is given twice")
        query[name] = value
    return query


def page_in(request: Request) -> tuple[int, str]:
    """How many entries are wanted, and past which one.

    Raises:
        RegistryError: PAGINATION_NUMBER_INVALID.
    """
    query = query_in(request)
    wanted, last = query.get("n"), query.get("last", "")[:_MAX_LAST_CHARS]
    if wanted is None:
        return MAX_PAGE, last
    if not (wanted.isascii() and wanted.isdecimal()):
        raise RegistryError(HTTPStatus.BAD_REQUEST, "PAGINATION_NUMBER_INVALID", "n is not a whole number")
    return min(int(wanted[:10]), MAX_PAGE), last
