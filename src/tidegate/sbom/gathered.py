# SPDX-License-Identifier: Apache-2.0
"""From what a document says to an inventory: marks of tidegate where they are, a stranger's claims where not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from tidegate.artifact import Digest, ImageConfig
from tidegate.errors import InvalidInputError
from tidegate.inventory import Census, Component, Inventory, OsRelease, Outcome, OutcomeStatus
from tidegate.sbom.claim import Claim, EcosystemOf, component_of_claim
from tidegate.values import Struct, field, replace

MAX_OUTCOMES: Final = 100
"""Packages that could not be taken and are told one by one."""
PLUGIN: Final = "sbom"

Told: TypeAlias = Callable[[], Component] | Claim
"""A package of a document: one of ours, read when it is asked for, or a claim."""


class Gathered(Struct, frozen=True, kw_only=True):
    """What a document says, before packages are read.

    Attributes:
        packages: each with its name in the document.
        without_purl: packages that have no package URL, so that nothing can be told of them.
        digest: of the image it is about; None when it names none.
        name: of the image; "" likewise.
    """

    packages: Sequence[tuple[str, Told]]
    without_purl: int = 0
    os_release: OsRelease | None = None
    digest: Digest | None = None
    name: str = ""
    layers: tuple[Digest, ...] = ()
    layers_unpacked: tuple[Digest, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    config: ImageConfig | None = None
    census: Census | None = None
    passed_over: tuple[str, ...] = ()


def inventory_of(gathered: Gathered, *, name: str, digest: Digest, ecosystem_of: EcosystemOf) -> Inventory:
    """Reads the packages; one that cannot be read costs itself only, and is told as an outcome.

    Args:
        gathered: what the document says.
        name: of the document, for errors, and for the report when it names no image.
        digest: of the document; stands for the image and the layer where it names none.
        ecosystem_of: whose advisories speak of a package.
    """
    failed: list[Outcome] = []
    components = sorted(_components(gathered, name, digest, ecosystem_of, failed), key=_order)
    layers = gathered.layers or tuple(dict.fromkeys(component.layer for component in components)) or (digest,)
    return Inventory(
        digest=gathered.digest or digest,
        name=gathered.name or name,
        layers=layers,
        components=tuple(components),
        os_release=gathered.os_release,
        outcomes=tuple(_bounded(failed, gathered.without_purl, name)),
        annotations=gathered.annotations,
        config=replace(gathered.config, diff_ids=gathered.layers_unpacked) if gathered.config else None,
        census=gathered.census,
        passed_over=gathered.passed_over,
        layers_unpacked=gathered.layers_unpacked,
    )


def _components(
    gathered: Gathered, name: str, digest: Digest, ecosystem_of: EcosystemOf, failed: list[Outcome]
) -> Iterator[Component]:
    for title, told in gathered.packages:
        try:
            if isinstance(told, Claim):
                yield component_of_claim(told, os=gathered.os_release, layer=digest, ecosystem_of=ecosystem_of)
            else:
                yield told()
        except InvalidInputError as error:
            reason = f"{title[:200]}: {error.what}"
            failed.append(Outcome(plugin=PLUGIN, status=OutcomeStatus.PARTIAL, location=name, reason=reason))


def _bounded(failed: Sequence[Outcome], without_purl: int, name: str) -> Iterator[Outcome]:
    yield from failed[:MAX_OUTCOMES]
    told = []
    if len(failed) > MAX_OUTCOMES:
        told.append(f"{len(failed) - MAX_OUTCOMES} more packages could not be read")
    if without_purl:
        told.append(f"{without_purl} packages have no package URL, so nothing can be told of them")
    for reason in told:
        yield Outcome(plugin=PLUGIN, status=OutcomeStatus.PARTIAL, location=name, reason=reason)


def _order(component: Component) -> tuple[str, str, str, str, str]:
    return component.kind.value, component.name, component.version, component.architecture, component.location
