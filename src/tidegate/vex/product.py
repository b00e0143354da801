# SPDX-License-Identifier: Apache-2.0
"""What a statement speaks of: a package by URL, an image by name or digest, a platform by CPE; and what is here.

A part that a statement leaves out matches anything: no version means all versions, no qualifier means any (the rule of
OpenVEX 0.2.0 "Software Identifiers"; purl-spec on qualifiers).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from packageurl import PackageURL

from tidegate.artifact import Digest
from tidegate.inventory import Component, OsRelease
from tidegate.values import Struct, field

MAX_PRODUCT_CHARS: Final = 2048
"""A longer name is matched by nothing."""

_SHA256: Final = re.compile(r"(?:sha256[:=]|%3A|@)?([0-9a-f]{64})\b", re.IGNORECASE)
_CPE: Final = re.compile(r"cpe:(?:/|2\.3:)([aoh]):([^:]*):([^:]*)(?::([^:]*))?")
_SOURCE: Final = "source"
_IMAGE_TYPES: Final = frozenset({"oci", "docker"})


class Product(Struct, frozen=True, kw_only=True):
    """Something a statement names.

    Attributes:
        text: as written: a package URL, a CPE, an image reference, or any other name.
        purl: parsed; None when `text` is none.
        digest: sha256 hex of an image, where the name or its hashes tell one; "" otherwise.
    """

    text: str
    purl: PackageURL | None = None
    digest: str = ""


def parse_product(text: str, *, digest: str = "") -> Product:
    """Reads the name of a product; whatever it is, it is one."""
    text = text[: MAX_PRODUCT_CHARS + 1]
    if len(text) > MAX_PRODUCT_CHARS:
        return Product(text=text)
    purl = _purl(text)
    is_image = purl.type in _IMAGE_TYPES if purl else not text.startswith("cpe:")
    if is_image and not digest and (found := _SHA256.search(text)):
        digest = found[1]
    return Product(text=text, purl=purl, digest=digest.lower())


class Scene(Struct, kw_only=True, dict=True):
    """What is here for statements to speak of: one image and its components.

    Attributes:
        digests: of the manifest, and of the index it was taken from.
        names: references the image goes by, as the user or its annotations wrote them.
    """

    digests: frozenset[Digest] = frozenset()
    names: tuple[str, ...] = ()
    os_release: OsRelease | None = None
    components: tuple[Component, ...] = ()

    @cached_property
    def purls(self) -> Mapping[str, tuple[PackageURL, Component]]:
        """Every component by its package URL."""
        return {str(it.purl): (PackageURL.from_string(str(it.purl)), it) for it in self.components}

    def is_image(self, product: Product) -> bool:
        """True when a product is this image: by digest where it names one, else by its name."""
        if product.digest:
            return any(digest.endswith(f":{product.digest}") for digest in self.digests)
        if product.purl is None:
            return any(product.text == name for name in self.names)
        return product.purl.type in _IMAGE_TYPES and any(_is_named(product.purl, name) for name in self.names)

    def is_platform(self, product: Product) -> bool:
        """True when a product is the operating system of this image (CPE 2.2 or 2.3, down to the release)."""
        if self.os_release is None:
            return False
        wanted, have = _CPE.match(product.text), _CPE.match(self.os_release.cpe_name)
        if not wanted or not have:
            return False
        version, own = wanted[4] or "", have[4] or self.os_release.version_id
        is_release = version in {"", "*", "-", own} or own.startswith(f"{version}.")
        return wanted.group(2, 3) == have.group(2, 3) and is_release

    def is_component(self, product: Product, purl: str) -> bool:
        """True when a product is the component of that package URL, or the source package it was built from."""
        if product.purl is None:
            return product.text == purl
        known = self.purls.get(purl)
        return known is not None and _covers(product.purl, *known, self.os_release)

    def components_of(self, product: Product) -> Iterator[str]:
        """Package URLs of all components a product is."""
        return (purl for purl in self.purls if self.is_component(product, purl))


def products_of(texts: Iterable[str]) -> tuple[Product, ...]:
    """Reads several names."""
    return tuple(parse_product(text) for text in texts)


class Scope(Struct, frozen=True, kw_only=True):
    """What one statement is about: `packages` in `products`; nothing named means all there is."""

    products: tuple[Product, ...] = field(default_factory=tuple)
    packages: tuple[Product, ...] = field(default_factory=tuple)

    def covers(self, scene: Scene, purl: str) -> bool:
        """True when it speaks of a component here."""
        if not self.products:
            return self._has_package(scene, purl)
        return any(
            (scene.is_image(product) or scene.is_platform(product)) and self._has_package(scene, purl)
            for product in self.products
        ) or (not self.packages and any(scene.is_component(product, purl) for product in self.products))

    def is_here(self, scene: Scene) -> bool:
        """True when anything it speaks of is here, whether or not something is wrong with it."""
        return any(self.covers(scene, purl) for purl in scene.purls)

    def _has_package(self, scene: Scene, purl: str) -> bool:
        return not self.packages or any(scene.is_component(package, purl) for package in self.packages)


def _purl(text: str) -> PackageURL | None:
    if not text.startswith("pkg:"):
        return None
    try:
        return PackageURL.from_string(text)
    except ValueError:
        return None


def _covers(wanted: PackageURL, have: PackageURL, component: Component, os: OsRelease | None) -> bool:
    if (wanted.type, wanted.namespace or "") != (have.type, have.namespace or ""):
        return False
    qualifiers = _qualifiers(wanted)
    is_source = qualifiers.pop("arch", "") == _SOURCE
    name, version = have.name, _full_version(have)
    if is_source:
        name, version = component.source_name or name, component.source_version or version
    elif "arch" in _qualifiers(wanted):
        qualifiers["arch"] = _qualifiers(wanted)["arch"]
    if wanted.name != name or (wanted.version and _full_version(wanted) not in {version, have.version}):
        return False
    own = _qualifiers(have)
    return all(_agrees(key, value, own, os) for key, value in qualifiers.items() if key != "epoch")


def _agrees(key: str, value: str, own: Mapping[str, str], os: OsRelease | None) -> bool:
    """A distribution's release goes by its number and by its codename."""
    if own.get(key) == value:
        return True
    if key != "distro" or os is None:
        return False
    return value in {os.version_codename, os.version_id, f"{os.id}-{os.version_codename}", f"{os.id}-{os.version_id}"}


def _qualifiers(purl: PackageURL) -> dict[str, str]:
    return dict(purl.qualifiers)


def _full_version(purl: PackageURL) -> str:
    epoch = _qualifiers(purl).get("epoch", "")
    return f"{epoch}:{purl.version}" if epoch else purl.version or ""


def _is_named(purl: PackageURL, name: str) -> bool:
    """`pkg:oci/NAME?repository_url=HOST/PATH/NAME&tag=TAG`, or `pkg:docker/PATH/NAME@TAG`, against a reference."""
    repository, tag = _split(name)
    qualifiers = _qualifiers(purl)
    wanted_tag = qualifiers.get("tag") or (purl.version if purl.type == "docker" else "") or ""
    if wanted_tag and wanted_tag != tag:
        return False
    place = qualifiers.get("repository_url", "")
    if purl.type == "docker":
        place = "/".join(filter(None, (place, purl.namespace, purl.name)))
    elif place and place.rpartition("/")[2] != purl.name:  # vexctl writes the folder, the purl-spec the whole
        place = f"{place}/{purl.name}"
    if not place:
        return repository.rpartition("/")[2] == purl.name
    return repository == place or repository.endswith(f"/{place}")


def _split(name: str) -> tuple[str, str]:
    name = name.removeprefix("registry:").partition("@")[0]
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return name, ""
    return repository, tag
