# SPDX-License-Identifier: Apache-2.0
"""The intake file: upstream registries and internal bases, in TOML. docs/reference/intake.md describes every key."""

import tomllib
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from tidegate.artifact import Digest, Platform, Reference, Repository, Tag
from tidegate.bounds import MIB, read_bounded
from tidegate.curation.intake.internal_base import InternalBase
from tidegate.curation.intake.upstream import AgeBy, Upstream, Upstreams
from tidegate.curation.keeping.name_pattern import Patterns
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.outbound import Opening
from tidegate.values import Struct, field
from tidegate.wire import from_builtins

_MAX_BYTES: Final = MIB
_MAX_BASE_NAME_CHARS: Final = 64
_Said = TypeVar("_Said")


class _Upstream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: str
    under: str
    repositories: tuple[str, ...]
    tags: tuple[str, ...] = ("**",)
    not_tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    min_age_days: float = 0.0
    age_by: AgeBy = "both"
    fresh_s: float = 300.0
    pins: Mapping[str, str] = field(default_factory=dict)
    watch: tuple[str, ...] = ()
    rate_per_s: float = 10.0
    burst: int = 50
    connections: int = 4
    addresses: tuple[str, ...] = ()
    token_servers: tuple[str, ...] = ()
    plain_http: bool = False
    evidence: bool = True


class _Base(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: str
    repository: str
    tag: str = ""
    owner: str = ""
    built: bool = False


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    upstream: Mapping[str, _Upstream] = field(default_factory=dict)
    base: Mapping[str, _Base] = field(default_factory=dict)


class IntakeRules(Struct, frozen=True, kw_only=True):
    """What is taken in.

    Attributes:
        from_files: names of upstreams and bases that a file says, and no set replaces.
    """

    upstreams: Upstreams
    bases: tuple[InternalBase, ...] = ()
    from_files: frozenset[str] = frozenset()


def read_intake_file(path: Path | None) -> Mapping[str, Any]:
    """What the intake file says; nothing without one.

    Raises:
        NotFoundError: it is not there.
        InvalidInputError: it is no TOML.
        OutsideError: it cannot be read.
    """
    return {} if path is None else _toml(path)


def load_intake(
    document: Mapping[str, Any],
    sets: Mapping[str, str] | None = None,
    *,
    where: str = "intake file",
    openable: Collection[str] = (),
) -> IntakeRules:
    """Lays sets of the database over what the intake file says: an upstream or base of a set replaces the file's.

    Args:
        document: of the file.
        sets: text by the name of its set.
        where: the file, for errors.
        openable: addresses that are not public, which sets may open; a file may open any.

    Raises:
        InvalidInputError: something makes no sense, or a set opens what only a file may; names the place and the key.
    """
    file = from_builtins(document, _File, what=where)
    upstreams = {name: (said, f"{where}: upstream {name}") for name, said in file.upstream.items()}
    bases = {name: (said, f"{where}: base {name}") for name, said in file.base.items()}
    set_upstreams: dict[str, tuple[_Upstream, str]] = {}
    set_bases: dict[str, tuple[_Base, str]] = {}
    for set_name, text in (sets or {}).items():
        place = f"rule set {set_name}"
        read = from_builtins(_parsed(text, place), _File, what=place)
        for name, said in read.upstream.items():
            _check_opens_nothing(said, frozenset(openable), where=f"{place}: upstream {name}")
            _once(set_upstreams, name, (said, f"{place}: upstream {name}"))
        for name, base in read.base.items():
            _once(set_bases, name, (base, f"{place}: base {name}"))
    upstreams |= set_upstreams
    bases |= set_bases
    known = Upstreams([_upstream(name, said, place) for name, (said, place) in upstreams.items()])
    return IntakeRules(
        upstreams=known,
        bases=tuple(_base(name, said, known, place) for name, (said, place) in bases.items()),
    )


def names_in(document: Mapping[str, Any] | str, *, where: str) -> tuple[str, ...]:
    """The upstreams and bases that a document, or its text, says.

    Raises:
        InvalidInputError: it is no intake file.
    """
    plain = _parsed(document, where) if isinstance(document, str) else document
    read = from_builtins(plain, _File, what=where)
    return (*(f"upstream {name}" for name in read.upstream), *(f"base {name}" for name in read.base))


def _once(found: dict[str, tuple[_Said, str]], name: str, said: tuple[_Said, str]) -> None:
    if name in found:
        raise InvalidInputError(f"{found[name][1]} is called so too", where=said[1])
    found[name] = said


def _check_opens_nothing(said: _Upstream, openable: frozenset[str], *, where: str) -> None:
    """What reaches into a network of one's own, or hands credentials on, is for who holds the machine to say."""
    if closed := sorted(set(said.addresses) - openable):
        raise InvalidInputError(
            f"a set of rules may not open {closed[0][:80]}", where=where, remedy="allow it by intake.rules_may_open"
        )
    if said.token_servers or (said.plain_http and not said.addresses):
        key = "token_servers" if said.token_servers else "plain_http"
        raise InvalidInputError(f"{key} stands in the intake file only", where=where)


def _base(name: str, said: _Base, upstreams: Upstreams, where: str) -> InternalBase:
    try:
        source = Reference.parse(said.source)
        tag = Tag(said.tag) if said.tag else source.tag or Tag("latest")
        base = InternalBase(
            name=name,
            source=source,
            repository=Repository(said.repository),
            tag=tag,
            owner=said.owner,
            is_built=said.built,
        )
        _check_base(base, upstreams)
    except InvalidInputError as error:
        raise InvalidInputError(error.what, where=where, remedy=error.remedy) from error
    return base


def _check_base(base: InternalBase, upstreams: Upstreams) -> None:
    if base.source.digest is not None or len(base.name) > _MAX_BASE_NAME_CHARS:
        raise InvalidInputError("a base follows a tag, and has a name of at most 64 characters")
    if upstreams.source_of(base.source) is None:
        raise InvalidInputError(f"no upstream brings {base.source}", remedy="name its upstream in the same file")
    if upstreams.of(base.repository) is not None:
        raise InvalidInputError(f"{base.repository} is called as its upstream calls it", remedy="use another name")


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = read_bounded(file, max_bytes=_MAX_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such file", where=str(path), remedy="name another with intake.file") from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        return _parsed(raw.decode(), str(path))
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"is no TOML: {error}", where=str(path)) from error


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInputError(f"is no TOML: {error}", where=where) from error


def _upstream(name: str, said: _Upstream, where: str) -> Upstream:
    try:
        registry, path = _source(said.source)
        _check_numbers(said)
        return Upstream(
            name=name,
            registry=registry,
            path=path,
            under=Repository(said.under),
            repositories=Patterns.of(_some(said.repositories, "repositories")),
            tags=Patterns.of(_some(said.tags, "tags"), said.not_tags),
            platforms=tuple(Platform.parse(text) for text in said.platforms),
            min_age=timedelta(days=said.min_age_days),
            age_by=said.age_by,
            fresh=timedelta(seconds=said.fresh_s),
            pins={_name(text): Digest(digest) for text, digest in said.pins.items()},
            watch=tuple(_name(text) for text in said.watch),
            rate_per_s=said.rate_per_s,
            burst=said.burst,
            connections=said.connections,
            openings=tuple(Opening.parse(text) for text in said.addresses),
            token_servers=frozenset(said.token_servers),
            plain_http=said.plain_http,
            evidence=said.evidence,
        )
    except InvalidInputError as error:
        raise InvalidInputError(error.what, where=where, remedy=error.remedy) from error


def _source(text: str) -> tuple[str, str]:
    """`docker.io/library`, `quay.io`: a registry, and perhaps the beginning of its repositories' names."""
    host, _, path = text.partition("/")
    if not (host == "localhost" or any(mark in host for mark in ".:[")):
        raise InvalidInputError(f"source names no registry: {text[:80]!r}", remedy="write docker.io/library")
    registry = Reference.parse(f"{host}/some/name").registry
    return registry, Repository(path) if path else ""


def _name(text: str) -> str:
    repository, _, tag = text.partition(":")
    return f"{Repository(repository)}:{Tag(tag)}"


def _some(patterns: tuple[str, ...], key: str) -> tuple[str, ...]:
    if not patterns:
        raise InvalidInputError(f"{key} is empty, so nothing could be taken", remedy='write ["**"] to take everything')
    return patterns


def _check_numbers(said: _Upstream) -> None:
    bounds: tuple[tuple[str, float, float, float], ...] = (
        ("min_age_days", said.min_age_days, 0, 3650),
        ("fresh_s", said.fresh_s, 0, 30 * 86400),
        ("rate_per_s", said.rate_per_s, 0.01, 10_000),
        ("burst", said.burst, 1, 100_000),
        ("connections", said.connections, 1, 64),
    )
    for key, value, low, high in bounds:
        if not low <= value <= high:
            raise InvalidInputError(f"{key} = {value:g} is not from {low:g} to {high:g}")
