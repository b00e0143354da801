# SPDX-License-Identifier: Apache-2.0
"""What a stranger's document says of one package, as a component: its package URL, and what tools write beside it."""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.inventory import (
    Basis,
    Component,
    Ecosystem,
    OsRelease,
    Package,
    PackageKind,
    PackageUrl,
    Scope,
    Version,
)
from tidegate.inventory.python_name import normalised
from tidegate.licences import class_of, expression_of
from tidegate.sbom.distro import is_same, os_of_qualifier
from tidegate.values import Struct

EcosystemOf: TypeAlias = Callable[[Package, OsRelease | None], Ecosystem]
"""Whose advisories speak of a package; `tidegate.scan.ecosystem.ecosystem_of` is one."""

MAX_PURL_CHARS: Final = 4096
_SPOKEN_FOR: Final = frozenset({"arch", "distro", "epoch", "rpmmod", "upstream", "modularitylabel"})
_SOURCE_RPM: Final = re.compile(r"(?P<name>[^\s/]+)-(?P<version>[^-\s/]+-[^-\s/]+)\.(?:no)?src\.rpm")
_EPOCH: Final = re.compile(r"[0-9]{1,9}")


class Claim(Struct, frozen=True, kw_only=True):
    """What a document says of one package.

    Attributes:
        purl: as written.
        layer: that brought it, where it is said.
        source_version: with its epoch and release.
        owner: package URL of the package whose file told of it, as written; "" for none.
    """

    purl: str
    location: str = ""
    layer: str = ""
    source_name: str = ""
    source_version: str = ""
    modularity: str = ""
    licenses: tuple[str, ...] = ()
    checksums: tuple[str, ...] = ()
    supplier: str = ""
    scope: Scope = Scope.RUNTIME
    owner: str = ""


def component_of_claim(claim: Claim, *, os: OsRelease | None, layer: Digest, ecosystem_of: EcosystemOf) -> Component:
    """The component a claim speaks of; its basis is that somebody says so.

    Args:
        claim: what is said.
        os: the document's operating system; the package URL's own `distro` goes before it.
        layer: stands where the claim names none.
        ecosystem_of: whose advisories speak of a package.

    Raises:
        InvalidInputError: the package URL is none, or of a type that is not known here.
    """
    package, namespace, distro = _package(claim)
    release = _release(package.kind, namespace, distro, os)
    license_ = expression_of(claim.licenses)
    return Component(
        kind=package.kind,
        name=package.name,
        version=package.version,
        purl=_canonical(claim.purl),
        ecosystem=ecosystem_of(package, release),
        location=claim.location,
        layer=_layer(claim.layer) or layer,
        cataloger="sbom",
        source_name=package.source_name,
        source_version=package.source_version,
        architecture=package.architecture,
        licenses=claim.licenses,
        owner=_owner(claim, package.kind),
        modularity=package.modularity,
        qualifiers=dict(package.qualifiers),
        scope=claim.scope,
        basis=Basis.CLAIMED,
        checksums=claim.checksums,
        supplier=claim.supplier,
        license=license_,
        license_class=class_of(license_) or "",
    )


def _package(claim: Claim) -> tuple[Package, str, str]:
    from packageurl import PackageURL

    if len(claim.purl) > MAX_PURL_CHARS:
        raise InvalidInputError("its package URL is too long")
    try:
        url = PackageURL.from_string(claim.purl)
        kind = PackageKind(url.type)
    except ValueError as error:
        raise InvalidInputError(str(error)[:200]) from error
    qualifiers: Mapping[str, str] = dict(url.qualifiers)
    version = url.version or ""
    epoch = qualifiers.get("epoch", "")
    if kind.is_of_distribution and _EPOCH.fullmatch(epoch) and epoch != "0" and not version.startswith(f"{epoch}:"):
        version = f"{epoch}:{version}"
    source_name, source_version = _source(claim, qualifiers.get("upstream", ""), kind, epoch)
    name = _name(kind, url.namespace or "", url.name)
    package = Package(
        kind=kind,
        name=name,
        version=Version(version),
        source_name="" if source_name == name else source_name,
        source_version="" if source_version == version else source_version,
        architecture=qualifiers.get("arch", "") if kind.is_of_distribution else "",
        modularity=claim.modularity or qualifiers.get("rpmmod", "") or qualifiers.get("modularitylabel", ""),
        qualifiers=tuple(
            (key, value)
            for key, value in sorted(qualifiers.items())
            if not kind.is_of_distribution or key not in _SPOKEN_FOR
        ),
    )
    return package, (url.namespace or "").lower(), qualifiers.get("distro", "")


def _name(kind: PackageKind, namespace: str, name: str) -> str:
    if kind is PackageKind.PYPI:
        return normalised(name)
    return f"{namespace}{kind.separator}{name}" if namespace and kind.separator else name


def _source(claim: Claim, upstream: str, kind: PackageKind, epoch: str) -> tuple[str, str]:
    """The source package: as the document's own fields say, else as the package URL's `upstream` does.

    `upstream` is `name`, `name@version`, or the file name of a source RPM.
    """
    if claim.source_name:
        return claim.source_name, claim.source_version
    if kind is PackageKind.RPM and (found := _SOURCE_RPM.fullmatch(upstream)):
        prefix = f"{epoch}:" if _EPOCH.fullmatch(epoch) and epoch != "0" else ""
        return found["name"], prefix + found["version"]
    name, _, version = upstream.partition("@")
    return name, version


def _release(kind: PackageKind, namespace: str, distro: str, os: OsRelease | None) -> OsRelease | None:
    if not kind.is_of_distribution:
        return os
    stated = os_of_qualifier(distro, namespace)
    if stated is None or (os is not None and is_same(os, stated)):
        return os
    return stated


def _owner(claim: Claim, kind: PackageKind) -> PackageUrl | None:
    return _canonical(claim.owner) if claim.owner and not kind.is_of_distribution else None


def _canonical(purl: str) -> PackageUrl:
    from packageurl import PackageURL

    try:
        return PackageUrl(PackageURL.from_string(purl).to_string())
    except ValueError as error:
        raise InvalidInputError(str(error)[:200]) from error


def _layer(text: str) -> Digest | None:
    try:
        return Digest(text) if text else None
    except InvalidInputError:
        return None
