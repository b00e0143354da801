# SPDX-License-Identifier: Apache-2.0
"""A small image, its components and findings, for statements to speak of."""

from datetime import date

from tidegate.artifact import Digest
from tidegate.evidence import Finding, Match, Severity
from tidegate.inventory import Component, Ecosystem, OsRelease, PackageKind, PackageUrl, Version
from tidegate.vex.product import Scene

IMAGE = Digest("sha256:" + "12" * 32)
LAYER = Digest("sha256:" + "ab" * 32)
DAY = date(2026, 6, 1)
ALPINE = OsRelease(id="alpine", version_id="3.17.3")
SSL = "pkg:apk/alpine/libssl3@3.0.8-r3?arch=x86_64&distro=alpine-3.17.3&upstream=openssl"
CRYPTO = "pkg:apk/alpine/libcrypto3@3.0.8-r3?arch=x86_64&distro=alpine-3.17.3&upstream=openssl"
H11 = "pkg:pypi/h11@0.14.0"


def component(purl: str, *, source_name: str = "", source_version: str = "") -> Component:
    head, _, rest = purl.removeprefix("pkg:").partition("@")
    kind, _, name = head.partition("/")
    return Component(
        kind=PackageKind(kind),
        name=name.rpartition("/")[2],
        version=Version(rest.partition("?")[0]),
        purl=PackageUrl(purl),
        ecosystem=Ecosystem(""),
        location="some/file",
        layer=LAYER,
        cataloger="test",
        source_name=source_name,
        source_version=source_version,
    )


def finding(identity: str, purl: str, *aliases: str, location: str = "some/file") -> Finding:
    told = component(purl)
    return Finding(
        id=identity,
        aliases=aliases,
        purl=PackageUrl(purl),
        name=told.name,
        version=told.version,
        location=location,
        layer=LAYER,
        summary="",
        fixed_version=None,
        severity=Severity.HIGH,
        score=7.5,
        vector="",
        why=Match(
            ecosystem=Ecosystem("Alpine:v3.17"),
            matched_name="openssl",
            matched_version=told.version,
            affected=">= 0",
            source="test",
        ),
    )


def scene(*purls: str, os_release: OsRelease | None = ALPINE) -> Scene:
    components = tuple(component(purl) for purl in purls or (SSL, CRYPTO, H11))
    return Scene(
        digests=frozenset({IMAGE}),
        names=("registry.example:5000/team/app:1.2",),
        os_release=os_release,
        components=components,
    )
