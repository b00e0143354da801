# SPDX-License-Identifier: Apache-2.0
"""Package URLs, judged by packageurl-python's own parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from tidegate.inventory import OsRelease, Package, PackageKind, Version
from tidegate.scan.catalogers.harvest import fits
from tidegate.scan.purl import component_purl

DEBIAN = OsRelease(id="debian", version_id="12", version_codename="bookworm")
SID = OsRelease(id="debian", version_codename="trixie")
ALPINE = OsRelease(id="alpine", version_id="3.18.9")
ALMA = OsRelease(id="almalinux", version_id="8.9")
RHEL = OsRelease(id="rhel", version_id="9.4")
WOLFI = OsRelease(id="wolfi", version_id="20230201")


def package(kind: PackageKind, name: str, version: str, architecture: str = "", **rest: str) -> Package:
    return Package(
        kind=kind,
        name=name,
        version=Version(version),
        architecture=architecture,
        source_name=rest.get("source_name", ""),
        source_version=rest.get("source_version", ""),
        namespace=rest.get("namespace", ""),
        modularity=rest.get("modularity", ""),
    )


@pytest.mark.parametrize(
    ("subject", "os", "url"),
    [
        (
            package(PackageKind.DEB, "libssl3", "3.0.9-1", "amd64", source_name="openssl"),
            DEBIAN,
            "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl",
        ),
        (
            package(PackageKind.DEB, "gcc-12-base", "12.2.0-14+b1", "amd64", source_version="12.2.0-14"),
            SID,
            "pkg:deb/debian/gcc-12-base@12.2.0-14%2Bb1?arch=amd64&distro=debian-trixie&upstream=gcc-12-base%4012.2.0-14",
        ),
        (
            package(PackageKind.DEB, "login", "1:4.13+dfsg1-1", "amd64"),
            DEBIAN,
            "pkg:deb/debian/login@1:4.13%2Bdfsg1-1?arch=amd64&distro=debian-12",
        ),
        (
            package(PackageKind.APK, "libcrypto3", "3.1.7-r0", "x86_64", source_name="openssl"),
            ALPINE,
            "pkg:apk/alpine/libcrypto3@3.1.7-r0?arch=x86_64&distro=alpine-3.18.9&upstream=openssl",
        ),
        (package(PackageKind.APK, "a", "1"), WOLFI, "pkg:apk/wolfi/a@1?distro=wolfi-20230201"),
        (
            package(PackageKind.RPM, "openssl-libs", "1:1.1.1k-5.el8_5", "x86_64", source_name="openssl"),
            ALMA,
            "pkg:rpm/almalinux/openssl-libs@1.1.1k-5.el8_5?arch=x86_64&distro=almalinux-8.9&epoch=1&upstream=openssl",
        ),
        (
            package(PackageKind.RPM, "nodejs", "18.1-1", "x86_64", modularity="nodejs:18"),
            RHEL,
            "pkg:rpm/redhat/nodejs@18.1-1?arch=x86_64&distro=rhel-9.4&rpmmod=nodejs:18",
        ),
        (package(PackageKind.PYPI, "django", "3.2"), DEBIAN, "pkg:pypi/django@3.2"),
        (package(PackageKind.DEB, "a", "1"), None, "pkg:deb/a@1"),
        (package(PackageKind.DEB, "a", "1", namespace="vendor"), DEBIAN, "pkg:deb/vendor/a@1?distro=debian-12"),
    ],
)
def test_known_urls(subject: Package, os: OsRelease | None, url: str) -> None:
    assert component_purl(subject, os) == url
    assert PackageURL.from_string(url).to_string() == url


# What a cataloger lets through.
FITTING = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(fits)


@pytest.mark.property
@given(
    st.sampled_from(PackageKind),
    FITTING.filter(lambda text: "/" not in text),
    FITTING,
    st.sampled_from([None, DEBIAN, ALPINE, ALMA, SID]),
)
def test_any_name_gives_a_url_that_reads_back(kind: PackageKind, name: str, version: str, os: OsRelease | None) -> None:
    url = component_purl(package(kind, name, version), os)
    again = PackageURL.from_string(url)
    assert again.type == kind.value
    assert again.to_string() == url
