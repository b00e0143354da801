# SPDX-License-Identifier: Apache-2.0
"""Orders of versions, names of images, targets, products and licences: one line each."""
# ruff: noqa: E501 - tables of samples read best a kind a line

from collections.abc import Callable, Iterator

import httpx
from fuzz_parser import Parser, clean_text_of, text_of, told

from tidegate.artifact import Digest, Platform, Reference
from tidegate.artifact.reference import Repository, Tag
from tidegate.checks.image_name import split_image
from tidegate.checks.shell import commands_of
from tidegate.clock import parse_rfc3339
from tidegate.evidence.restriction import parse_moment, parse_restriction, parse_zones
from tidegate.identity.access import Access, AccessToken
from tidegate.inventory import OsRelease, Package, PackageKind, Version
from tidegate.knowledge.product_names import lines_of, names_of_image
from tidegate.knowledge.severity import Rater
from tidegate.knowledge.versions.order import VersionOrder
from tidegate.knowledge.versions.roster import ORDERS
from tidegate.licences.classes import class_of
from tidegate.licences.expression import expression_of
from tidegate.oci.registry_auth import parse_challenge
from tidegate.oci.target import parse_target
from tidegate.outbound.address import check_url, join, origin, shown
from tidegate.outbound.retry import wait_asked
from tidegate.scan.catalogers.harvest import fits
from tidegate.scan.ecosystem import ecosystem_of
from tidegate.scan.purl import component_purl
from tidegate.vex.claim import when
from tidegate.vex.product import parse_product

VERSIONS = (
    b"1.2.3", b"1:2.0~rc1-1+deb12u1", b"1.20", b"(devel)", b"v0.0.0-20240101000000-abcdefabcdef+incompatible",
    b"1.0.0-alpha.1+build.5", b"2!1.0rc1.post2.dev3+local.1", b"1.0-SNAPSHOT", b"3.0.8_rc1_p2-r3", b"2.34-100.el9_4.2",
    b"1.0.pre.1", b"dev-master#abc", b"~^", b"1.0-beta-2.1", b"cci.20240101",
)  # fmt: skip


def lines() -> Iterator[Parser]:
    """One parser for each kind of line."""
    for order in ORDERS:
        yield Parser(name=f"version-{order.name}", form="line", read=_key(order), samples=VERSIONS)
    for name, read, samples in _LINES:
        yield Parser(name=name, form="line", read=_of_text(read), samples=samples)
    yield Parser(name="target", form="line", read=_of_text(parse_target), samples=_TARGETS)


def _key(order: VersionOrder) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        # JSON and layers give clean text; lone surrogates come by other ways and are told by name as well.
        text = (
            clean_text_of(data)
            if b"\xed" not in data
            else data.decode("utf-8", "surrogatepass" if _pairs(data) else "replace")
        )
        key = order.key(Version(text))
        assert isinstance(key, bytes)
        return key

    return read


def _pairs(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _of_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(text_of(data))


def _product(text: str) -> object:
    return parse_product(text), told(parse_product(text.encode("utf-8", "replace").decode()).text)


def _purls(text: str) -> object:
    clean = text.encode("utf-8", "replace").decode()
    name, _, version = clean.partition("@")
    if not fits(name) or not fits(version):
        return None  # a harvest takes no such name
    os = OsRelease(id="alpine", version_id="3.18")
    made: list[object] = []
    for kind in PackageKind:
        package = Package(kind=kind, name=name, version=Version(version))
        made += [component_purl(package, os), component_purl(package, None), ecosystem_of(package, os)]
    return told(made)


def _url(text: str) -> object:
    return shown(text), check_url(text, insecure=True), origin(text), join("https://a.example/b", text)


def _retry(text: str) -> object:
    if not text.isascii() or "\n" in text or "\r" in text or "\0" in text:
        return None
    return wait_asked(httpx.Response(503, headers={"Retry-After": text}))


def _severity(text: str) -> object:
    kind, _, score = text.partition("|")
    return Rater().rate([(kind, score), ("CVSS_V3", text)], [text])


def _authorization(text: str) -> object:
    return Access(AccessToken("x" * 40)).authenticate(text, peer=text)


_PURLS = (
    b"pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12", b"pkg:oci/app@sha256%3Aab?repository_url=a.example/app&tag=1",
    b"cpe:2.3:o:redhat:enterprise_linux:9:*:*:*:*:*:*:*", b"cpe:/o:redhat:enterprise_linux:8::baseos", b"pkg:npm/%40a/b@1#c/d",
)  # fmt: skip
_DIGEST = b"sha256:" + b"ab" * 32
_TARGETS = (
    b"docker.io/library/debian:12", b"oci:/nowhere/layout:tag", b"docker-archive:/nowhere/a.tar", b"dir:.", b"registry:a.example/b@"
    + _DIGEST, b"sbom:/nowhere.json", b"rootfs:/nowhere",
)  # fmt: skip
_LINES: tuple[tuple[str, Callable[[str], object], tuple[bytes, ...]], ...] = (
    ("reference", Reference.parse, (b"ghcr.io/a/b:1.2@" + _DIGEST, b"localhost:5000/x", b"debian")),
    ("repository", Repository, (b"library/debian", b"a__b/c.d-e")),
    ("tag", Tag, (b"latest", b"1.2-x_y")),
    ("digest", Digest, (_DIGEST, b"sha512:" + b"0" * 128)),
    ("platform", Platform.parse, (b"linux/arm64/v8", b"linux")),
    ("moment", parse_rfc3339, (b"2024-02-29T23:59:60Z", b"2024-01-01T00:00:00.123456789+02:00", b"0001-01-01T00:00:00Z")),
    ("vex-moment", when, (b"2024-02-29T23:59:59Z", b"2024-01-01T00:00:00.123456789+02:00", b"9999-12-31T23:59:59-23:59")),
    ("image-name", split_image, (b"a.example:5000/b:1@" + _DIGEST,)),
    ("shell", commands_of, (b"set -e; a && b || c | d 'x;y' \"z\" $(e `f`) # g\n", b"curl -s https://a | sh")),
    ("challenge", parse_challenge, (b'Bearer realm="https://a/token",service="b",scope="repository:c:pull", Basic realm=x',)),
    ("product", _product, _PURLS),
    ("component-purl", _purls, (b"curl@7.88.1-10", b"@scope/name@1.0", b"golang.org/x/net@v0.1.0", b"a b@1:2")),
    ("url", _url, (b"https://user:pass@a.example:8443/b?c=d#e", b"http://[::1]:80/", b"../x")),
    ("retry-after", _retry, (b"120", b"Wed, 21 Oct 2026 07:28:00 GMT", b"-1", b"1e9")),
    ("severity", _severity, (b"CVSS_V3|CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", b"CVSS_V4|CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", b"CVSS_V2|AV:N/AC:L/Au:N/C:P/I:P/A:P", b"HIGH")),
    ("release-line", lambda text: (lines_of(text), lines_of(text, java=True)), (b"3.11.4", b"1.8.0_392", b"17.0.9+9")),
    ("names-of-image", lambda text: list(names_of_image(text)), (b"docker.io/library/python:3.11-slim", b"a/b@" + _DIGEST)),
    ("licence", lambda text: expression_of([text, text.upper()]), (b"GPL-2.0-or-later WITH Classpath-exception-2.0 OR (MIT AND BSD)", b"Apache License, Version 2.0", b"Perl-5")),
    ("licence-class", class_of, (b"(MIT OR GPL-2.0-only) AND LicenseRef-x", b"NOASSERTION")),
    ("restriction", lambda text: parse_restriction([text], [text], text), (b"group:devs", b"prod-eu", b"2026-05-04")),
    ("zones", lambda text: parse_zones([text]), (b"prod-eu=10.1.0.0/16,10.2.0.0/16", b"a=::1/128")),
    ("moment-of-people", parse_moment, (b"2026-05-04", b"2026-05-04T10:00:00Z")),
    ("authorization", _authorization, (b"Bearer " + b"x" * 40, b"Basic dTpw")),
)  # fmt: skip
