# SPDX-License-Identifier: Apache-2.0
"""Build provenance: SLSA provenance v1, and v0.2 as older builders write it, read into one form.

The specification leaves to each build type where the source is told. Read are the resolved dependencies first (the
first that is a git repository), then the parameters and metadata as the well-known builders write them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence.statement import PROVENANCE_02, PredicateType
from tidegate.values import Struct
from tidegate.wire import from_builtins

MAX_MATERIALS: Final = 20_000

_DIGESTS: Final = ("sha256", "sha512", "gitCommit", "sha1")
"""Algorithms of a material's digest; the first that is there is told."""
_SOURCE_PATHS: Final = (
    ("workflow", "repository"),
    ("source", "repository"),
    ("source", "uri"),
    ("source",),
    ("configSource", "uri"),
    ("buildConfigSource", "repository"),
    ("sourceToBuild", "repository"),
)
_BUILDKIT: Final = ("buildkit_metadata", "https://mobyproject.org/buildkit@v1#metadata")
"""Where BuildKit tells of the repository it was called in: provenance v1, and v0.2."""
_Json: TypeAlias = Mapping[str, Any]


class Material(Struct, frozen=True, kw_only=True):
    """Something that went into a build."""

    uri: str | None = ""
    name: str | None = ""
    digest: dict[str, str] | None = None

    @property
    def stated(self) -> str:
        """Its digest as `algorithm:value`; "" for none."""
        digests = self.digest or {}
        return next((f"{name}:{digests[name]}" for name in _DIGESTS if name in digests), "")


class BuildSource(Struct, frozen=True, kw_only=True):
    """Where a build took its source from.

    Attributes:
        uri: the repository without its ref.
        digest: the commit; "" when it is not told.
    """

    uri: str = ""
    ref: str = ""
    digest: str = ""


class Provenance(Struct, frozen=True, kw_only=True):
    """Who built something, how, from what.

    Attributes:
        source: of the source; empty when it is not told.
        commits: every git commit among the materials.
        invocation: the builder's name of the run.
        started: RFC 3339, as written; "" when it is not told.
    """

    builder: str
    build_type: str
    source: BuildSource
    materials: tuple[Material, ...]
    commits: tuple[str, ...]
    invocation: str
    started: str
    finished: str


def read_provenance(predicate_type: PredicateType, predicate: _Json, *, where: str) -> Provenance:
    """Reads either version.

    Raises:
        InvalidInputError: it names no builder or no build type, or is over a bound.
    """
    read = _read_02 if predicate_type == PROVENANCE_02 else _read_1
    found = read(predicate, where)
    if not found.builder or not found.build_type:
        raise InvalidInputError("names no builder, or no build type", where=where)
    return found


class _Definition(Struct, frozen=True, kw_only=True, rename="camel"):
    build_type: str
    external_parameters: dict[str, Any] | None = None
    resolved_dependencies: list[Material] | None = None


class _Builder(Struct, frozen=True, kw_only=True):
    id: str


class _Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    invocation_id: str | None = ""
    started_on: str | None = ""
    finished_on: str | None = ""


class _Run(Struct, frozen=True, kw_only=True):
    builder: _Builder
    metadata: _Metadata | None = None


class _V1(Struct, frozen=True, kw_only=True, rename="camel"):
    build_definition: _Definition
    run_details: _Run


class _ConfigSource(Struct, frozen=True, kw_only=True):
    uri: str | None = ""
    digest: dict[str, str] | None = None


class _Invocation(Struct, frozen=True, kw_only=True, rename="camel"):
    config_source: _ConfigSource | None = None
    parameters: Any = None


class _OldMetadata(Struct, frozen=True, kw_only=True, rename="camel"):
    build_invocation_id: str | None = ""
    build_started_on: str | None = ""
    build_finished_on: str | None = ""


class _V02(Struct, frozen=True, kw_only=True, rename="camel"):
    builder: _Builder
    build_type: str
    invocation: _Invocation | None = None
    metadata: _OldMetadata | None = None
    materials: list[Material] | None = None


def _read_1(predicate: _Json, where: str) -> Provenance:
    told = from_builtins(predicate, _V1, what=where)
    definition, run = told.build_definition, told.run_details
    materials = _bounded(definition.resolved_dependencies, where)
    details = predicate["runDetails"].get("metadata")
    source = _of_materials(materials) or _of_buildkit(details) or _of_parameters(definition.external_parameters or {})
    metadata = run.metadata or _Metadata()
    return Provenance(
        builder=run.builder.id,
        build_type=definition.build_type,
        source=source,
        materials=materials,
        commits=_commits(materials, source),
        invocation=metadata.invocation_id or "",
        started=metadata.started_on or "",
        finished=metadata.finished_on or "",
    )


def _read_02(predicate: _Json, where: str) -> Provenance:
    told = from_builtins(predicate, _V02, what=where)
    materials = _bounded(told.materials, where)
    invocation, metadata = told.invocation or _Invocation(), told.metadata or _OldMetadata()
    config = invocation.config_source or _ConfigSource()
    first = _source(config.uri, _commit_in(config.digest or {})) if config.uri else None
    parameters = invocation.parameters if isinstance(invocation.parameters, dict) else {}
    source = first or _of_materials(materials) or _of_buildkit(predicate.get("metadata")) or _of_parameters(parameters)
    return Provenance(
        builder=told.builder.id,
        build_type=told.build_type,
        source=source,
        materials=materials,
        commits=_commits(materials, source),
        invocation=metadata.build_invocation_id or "",
        started=metadata.build_started_on or "",
        finished=metadata.build_finished_on or "",
    )


def _bounded(materials: list[Material] | None, where: str) -> tuple[Material, ...]:
    if materials and len(materials) > MAX_MATERIALS:
        raise BoundExceededError("MAX_MATERIALS", MAX_MATERIALS, where=where)
    return tuple(materials or ())


def _commits(materials: Sequence[Material], source: BuildSource) -> tuple[str, ...]:
    of_git = (it for it in materials if (it.uri or "").startswith("git+") or "gitCommit" in (it.digest or {}))
    found = (source.digest, *(_commit_in(it.digest or {}) for it in of_git))
    return tuple(dict.fromkeys(filter(None, found)))


def _of_materials(materials: Sequence[Material]) -> BuildSource | None:
    for material in materials:
        digests = material.digest or {}
        if material.uri and (material.uri.startswith("git+") or "gitCommit" in digests):
            return _source(material.uri, _commit_in(digests))
    return None


def _of_buildkit(metadata: Any) -> BuildSource | None:
    for name in _BUILDKIT:
        said = metadata.get(name) if isinstance(metadata, dict) else None
        vcs = said.get("vcs") if isinstance(said, dict) else None
        if isinstance(vcs, dict) and isinstance(vcs.get("source"), str) and isinstance(vcs.get("revision"), str):
            return _source(vcs["source"], vcs["revision"].removesuffix("-dirty"))
    return None


def _of_parameters(parameters: _Json) -> BuildSource:
    for path in _SOURCE_PATHS:
        found: Any = parameters
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            return _source(found, "")
    return BuildSource()


def _commit_in(digests: Mapping[str, str]) -> str:
    return digests.get("gitCommit") or digests.get("sha1") or digests.get("sha256", "")


def _source(uri: str, commit: str) -> BuildSource:
    """Repository, ref and commit of `git+https://host/team/app@refs/heads/main`."""
    plain = uri.removeprefix("git+").partition("#")[0]
    scheme, slashes, rest = plain.rpartition("://")
    host, slash, path = rest.partition("/")  # a user may stand before the host
    path, _, ref = path.partition("@")
    return BuildSource(uri=f"{scheme}{slashes}{host}{slash}{path}", ref=ref, digest=commit)
