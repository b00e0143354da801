# SPDX-License-Identifier: Apache-2.0
"""SLSA provenance v1 of a build (slsa.dev/spec/v1.0/provenance), build type `dockerfile/v1`. Pure.

It claims what this machine did, by whoever signs it. That alone is Build L1: nothing here keeps the build away from
the key, so that no more is claimed. A higher level is for the verifier to grant to a builder's identity.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tidegate import __version__
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.development.build.materials import Materials
from tidegate.values import Struct, field

BUILD_TYPE: Final = "https://tidegate.dev/build-types/dockerfile/v1"
LOCAL_BUILDER: Final = "https://tidegate.dev/builders/local"


class UsedBase(Struct, frozen=True, kw_only=True):
    """An image that was built upon.

    Attributes:
        name: as the Dockerfile names it.
        source: where it was taken from.
        stages: that are built upon it, or take files of it.
    """

    name: str
    source: str
    digest: Digest
    stages: tuple[str, ...]


class Fetched(Struct, frozen=True, kw_only=True):
    """What ADD fetched; "" for a digest that could not be told from the layer."""

    url: str
    sha256: str
    line: int


class BuildFacts(Struct, frozen=True, kw_only=True):
    """What provenance tells.

    Attributes:
        arguments: of `ARG`; secret ones are not among them, but their names are in `withheld`.
        secrets: ids of the secrets RUN could read.
        network: what RUN could reach: `none`, `host`, or `builder` for what the builder does untold.
        byproducts: digests of files by name: the log, the bills of materials of stages.
        again: the image a second build from clean made; None when there was none.
    """

    materials: Materials
    bases: tuple[UsedBase, ...]
    fetched: tuple[Fetched, ...]
    target: str
    platform: str
    arguments: Mapping[str, str]
    withheld: tuple[str, ...]
    secrets: tuple[str, ...]
    ssh: bool
    network: str
    is_hermetic: bool
    epoch: int
    builder: str
    tool: str
    tool_version: str
    invocation: str
    started: datetime
    finished: datetime
    byproducts: Mapping[str, Digest] = field(default_factory=dict)
    again: Digest | None = None


def provenance_of(facts: BuildFacts) -> dict[str, Any]:
    """The predicate."""
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": _asked(facts),
            "internalParameters": _done(facts),
            "resolvedDependencies": [
                *_commit(facts.materials),
                *(_base(one) for one in facts.bases),
                *(_fetched(one) for one in facts.fetched),
                _file(facts.materials.dockerfile.path, facts.materials.dockerfile.sha256, "dockerfile"),
                *(_file(one.path, one.sha256, "lock file") for one in facts.materials.locks),
                _file("context", facts.materials.context.hex, "context"),
            ],
        },
        "runDetails": {
            "builder": {
                "id": facts.builder,
                "version": {"tidegate": __version__, facts.tool: facts.tool_version},
            },
            "metadata": {
                "invocationId": facts.invocation,
                "startedOn": rfc3339(facts.started),
                "finishedOn": rfc3339(facts.finished),
            },
            "byproducts": [*_byproducts(facts)],
        },
    }


def _asked(facts: BuildFacts) -> dict[str, Any]:
    commit = facts.materials.commit
    return {
        "source": commit.repository if commit else "",
        "dockerfile": facts.materials.dockerfile.path,
        "target": facts.target,
        "platform": facts.platform,
        "buildArgs": dict(facts.arguments),
        "withheldBuildArgs": list(facts.withheld),
        "secrets": list(facts.secrets),
        "ssh": facts.ssh,
        "hermetic": facts.is_hermetic,
        "sourceDateEpoch": facts.epoch,
    }


def _done(facts: BuildFacts) -> dict[str, Any]:
    hermetic = {"runNetwork": "none", "bases": "resolved before, by digest", "addUrls": "refused"}
    return {
        "network": facts.network,
        "normalised": ["entries sorted", "moments clamped", "owners by number", "history dated by the source"],
        "store": "empty at the start, deleted at the end",
        **({"hermetic": hermetic} if facts.is_hermetic else {}),
    }


def _commit(materials: Materials) -> list[dict[str, Any]]:
    commit = materials.commit
    if commit is None:
        return []
    told = {"dirty": commit.changed > 0, "changedFiles": commit.changed}
    return [{"uri": f"git+{commit.repository}", "digest": {"gitCommit": commit.commit}, "annotations": told}]


def _base(base: UsedBase) -> dict[str, Any]:
    return {
        "uri": base.source,
        "name": base.name,
        "digest": {base.digest.algorithm: base.digest.hex},
        "annotations": {"kind": "base image", "stages": list(base.stages)},
    }


def _fetched(one: Fetched) -> dict[str, Any]:
    digest = {"digest": {"sha256": one.sha256}} if one.sha256 else {}
    return {"uri": one.url, **digest, "annotations": {"kind": "ADD", "line": one.line}}


def _file(name: str, sha256: str, kind: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}, "annotations": {"kind": kind}}


def _byproducts(facts: BuildFacts) -> list[dict[str, Any]]:
    found = [{"name": name, "digest": {one.algorithm: one.hex}} for name, one in sorted(facts.byproducts.items())]
    if facts.again is not None:
        found.append({"name": "second build from clean", "digest": {"sha256": facts.again.hex}})
    return found
