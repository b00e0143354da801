# SPDX-License-Identifier: Apache-2.0
"""Which product of endoflife.date a component or a base image's reference is, and of which release line."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tidegate.inventory import Component, OsRelease, PackageKind

_BY_PURL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pkg:composer/drupal/core": "drupal",
        "pkg:composer/symfony/http-kernel": "symfony",
        "pkg:composer/symfony/symfony": "symfony",
        "pkg:gem/actionpack": "ruby-on-rails",
        "pkg:gem/rails": "ruby-on-rails",
        "pkg:gem/railties": "ruby-on-rails",
        "pkg:generic/dotnet": "dotnet",
        "pkg:generic/java": "eclipse-temurin",
        "pkg:generic/jdk": "eclipse-temurin",
        "pkg:generic/jre": "eclipse-temurin",
        "pkg:generic/nodejs": "nodejs",
        "pkg:generic/openjdk": "eclipse-temurin",
        "pkg:generic/postgres": "postgresql",
        "pkg:generic/rabbitmq-server": "rabbitmq",
        "pkg:golang/k8s.io/kubernetes": "kubernetes",
        "pkg:golang/stdlib": "go",
        "pkg:hex/phoenix": "phoenix-framework",
        "pkg:maven/io.quarkus/quarkus-core": "quarkus-framework",
        "pkg:maven/org.apache.tomcat.embed/tomcat-embed-core": "tomcat",
        "pkg:maven/org.apache.tomcat/tomcat-catalina": "tomcat",
        "pkg:maven/org.eclipse.jetty/jetty-server": "eclipse-jetty",
        "pkg:npm/angular": "angularjs",
        "pkg:npm/ember-source": "emberjs",
        "pkg:nuget/microsoft.aspnetcore.app": "dotnet",
    }
)
"""Package URLs endoflife.date does not list (yet)."""

_JAVA: Final = frozenset({"pkg:generic/java", "pkg:generic/jdk", "pkg:generic/jre", "pkg:generic/openjdk"})
_JAVA_BY_SUPPLIER: Final = (
    ("amazon", "amazon-corretto"),
    ("azul", "azul-zulu"),
    ("bellsoft", "bellsoft-liberica"),
    ("ibm", "ibm-semeru"),
    ("microsoft", "microsoft-build-of-openjdk"),
    ("oracle", "oracle-jdk"),
    ("red hat", "red-hat-build-of-openjdk"),
    ("sap", "sapmachine"),
)
_IMAGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "almalinux": ("almalinux", ""),
        "amazonlinux": ("amazon-linux", ""),
        "aspnet": ("dotnet", ""),
        "openjdk": ("openjdk-builds-from-oracle", ""),
        "oraclelinux": ("oracle-linux", ""),
        "photon": ("vmware-photon", ""),
        "rockylinux": ("rocky-linux", ""),
        "runtime": ("dotnet", ""),
        "runtime-deps": ("dotnet", ""),
        "sdk": ("dotnet", ""),
        "ubi": ("rhel", ""),
        "ubi10": ("rhel", "10"),
        "ubi7": ("rhel", "7"),
        "ubi8": ("rhel", "8"),
        "ubi9": ("rhel", "9"),
    }
)
"""Last name of an image to product, and to its release line where the name tells it."""

_OS_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amzn": "amazon-linux",
        "ol": "oracle-linux",
        "opensuse-leap": "opensuse",
        "sled": "sles",
        "sles_sap": "sles",
    }
)
"""os-release ids that endoflife.date lists under another name and does not give as an alias."""

_REPOLOGY: Final[Mapping[PackageKind, str]] = MappingProxyType(
    {
        PackageKind.COMPOSER: "php",
        PackageKind.CPAN: "perl",
        PackageKind.GEM: "ruby",
        PackageKind.HACKAGE: "haskell",
        PackageKind.NPM: "js",
        PackageKind.PYPI: "python",
    }
)
_LEADING: Final = re.compile(r"[vV]?([0-9]+(?:\.[0-9]+)*)")
_OLD_JAVA: Final = re.compile(r"1\.([5-8])(?:\.|$)")
_MAX_PARTS: Final = 4


def names_of_os(release: OsRelease) -> tuple[str, ...]:
    """Names a distribution's product may go by."""
    return tuple(filter(None, (release.id, _OS_NAMES.get(release.id, ""))))


def names_of_component(component: Component, product: str = "") -> Iterator[tuple[str, str]]:
    """Yields where to look a component's product up, surest first: pairs of kind and name.

    Kinds are `product` (its name or alias), and those of `tidegate.knowledge.products.Identifier`. None for a
    distribution's own package: the distribution cares for that one, however long its makers do.

    Args:
        component: of an image.
        product: whoever recognised a program knows it by; "" when nobody does.
    """
    if component.kind.is_of_distribution or component.owner is not None:
        return
    purl = component.purl.partition("#")[0].partition("?")[0].partition("@")[0].lower()
    if purl in _JAVA:
        supplier = component.supplier.lower()
        yield from (("product", product) for word, product in _JAVA_BY_SUPPLIER if word in supplier)
    if purl in _BY_PURL:
        yield "product", _BY_PURL[purl]
    yield "purl", purl
    name = component.name.lower()
    if component.kind is PackageKind.GENERIC:
        if product:
            yield "product", product
        yield "product", name
        yield "repology", name
    elif component.kind in _REPOLOGY:
        yield "repology", f"{_REPOLOGY[component.kind]}:{name.replace('/', '-')}"


def names_of_image(reference: str) -> Iterator[tuple[str, str, str]]:
    """Yields where to look a base image up: kind, name, and the tag or the line its name tells.

    Nothing for a reference without a tag, or with `latest`: it does not say which line it is.
    """
    path, _, _ = reference.partition("@")
    head, slash, last = path.rpartition("/")
    name, _, tag = last.lower().partition(":")
    known, line = _IMAGES.get(name, ("", ""))
    tag = line or tag
    if not tag or tag == "latest":
        return
    if known and (known != "dotnet" or head.endswith("dotnet")):
        yield "product", known, tag
    owner = head.rpartition("/")[2].lower() if slash else "library"
    yield "purl", f"pkg:docker/{'library' if '.' in owner else owner}/{name}", tag
    yield "product", name, tag


def lines_of(version: str, *, java: bool = False) -> list[str]:
    """`3.18.9`, `3.18`, `3`: the release line is one of these, the longest that is known; none for a word.

    Args:
        version: as its ecosystem writes it.
        java: read `1.8.0` as `8`.
    """
    found = _LEADING.match(version)
    if found is None:
        return []
    numbers = found[1]
    if java and (old := _OLD_JAVA.match(numbers)):
        numbers = old[1]
    parts = numbers.split(".")[:_MAX_PARTS]
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
