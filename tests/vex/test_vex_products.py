# SPDX-License-Identifier: Apache-2.0
"""What a statement's product matches, and what it does not."""

import pytest
from vex_samples import CRYPTO, H11, IMAGE, SSL, component, scene

from tidegate.inventory import OsRelease
from tidegate.vex.product import Scene, Scope, parse_product, products_of

HEX = str(IMAGE).removeprefix("sha256:")


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        (f"pkg:oci/app@sha256%3A{HEX}", True),
        (f"pkg:oci/app@sha256:{HEX}?repository_url=elsewhere.example/app", True),
        (f"registry.example/other@sha256:{HEX}", True),
        (f"pkg:oci/app@sha256%3A{'0' * 64}", False),
        ("pkg:oci/app?repository_url=registry.example:5000/team/app&tag=1.2", True),
        ("pkg:oci/app?repository_url=registry.example:5000/team", True),
        ("pkg:oci/app?repository_url=registry.example:5000/team/app&tag=1.3", False),
        ("pkg:oci/app?repository_url=elsewhere.example/team/app", False),
        ("pkg:oci/app", True),
        ("pkg:oci/ap", False),
        ("pkg:docker/team/app@1.2", True),
        ("pkg:docker/team/app@1.3", False),
        ("registry.example:5000/team/app:1.2", True),
        ("registry.example:5000/team/app", False),
        ("app", False),
        ("", False),
    ],
)
def test_an_image_is_known_by_digest_or_name(text: str, is_it: bool) -> None:
    assert scene().is_image(parse_product(text)) is is_it


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        (SSL, True),
        ("pkg:apk/alpine/libssl3@3.0.8-r3", True),
        ("pkg:apk/alpine/libssl3", True),
        ("pkg:apk/alpine/libssl3?arch=x86_64", True),
        ("pkg:apk/alpine/libssl3?arch=aarch64", False),
        ("pkg:apk/alpine/libssl3?distro=3.17.3", True),
        ("pkg:apk/alpine/libssl3?distro=3.18.0", False),
        ("pkg:apk/alpine/libssl3@3.0.8-r4", False),
        ("pkg:apk/wolfi/libssl3@3.0.8-r3", False),
        ("pkg:apk/alpine/libcrypto3", False),
        ("pkg:deb/alpine/libssl3", False),
        ("pkg:apk/alpine/libssl3%", False),
        ("pkg:", False),
    ],
)
def test_what_a_package_url_leaves_out_matches_anything(text: str, is_it: bool) -> None:
    assert scene().is_component(parse_product(text), SSL) is is_it


def test_a_source_package_stands_for_its_binaries_and_a_codename_for_its_release() -> None:
    curl = "pkg:deb/ubuntu/libcurl4@7.81.0-1ubuntu1.24?arch=amd64&distro=ubuntu-22.04&upstream=curl"
    jammy = OsRelease(id="ubuntu", version_id="22.04", version_codename="jammy")
    here = Scene(os_release=jammy, components=(component(curl, source_name="curl"),))
    assert here.is_component(parse_product("pkg:deb/ubuntu/curl@7.81.0-1ubuntu1.24?arch=source&distro=jammy"), curl)
    assert not here.is_component(parse_product("pkg:deb/ubuntu/curl@7.81.0-1ubuntu1.24?arch=source&distro=noble"), curl)
    assert not here.is_component(parse_product("pkg:deb/ubuntu/curl@7.81.0-1ubuntu1.24?arch=amd64"), curl)


@pytest.mark.parametrize(
    ("cpe", "is_it"),
    [
        ("cpe:/o:redhat:enterprise_linux:9", True),
        ("cpe:/a:redhat:enterprise_linux:9::appstream", True),
        ("cpe:2.3:o:redhat:enterprise_linux:9:*:*:*:*:*:*:*", True),
        ("cpe:/o:redhat:enterprise_linux:8", False),
        ("cpe:/a:redhat:openshift:4.16::el9", False),
        ("pkg:rpm/redhat/enterprise_linux", False),
    ],
)
def test_a_platform_is_known_by_its_cpe(cpe: str, is_it: bool) -> None:
    rhel = OsRelease(id="rhel", version_id="9.4", cpe_name="cpe:/o:redhat:enterprise_linux:9::baseos")
    assert scene(os_release=rhel).is_platform(parse_product(cpe)) is is_it


def test_packages_count_only_inside_the_product_they_are_named_in() -> None:
    here = scene()
    inside = Scope(
        products=products_of([f"pkg:oci/app@sha256:{HEX}"]), packages=products_of(["pkg:apk/alpine/libssl3"])
    )
    assert (inside.covers(here, SSL), inside.covers(here, CRYPTO)) == (True, False)
    elsewhere = Scope(products=products_of(["pkg:oci/other"]), packages=products_of(["pkg:apk/alpine/libssl3"]))
    assert not elsewhere.is_here(here)
    assert Scope().covers(here, H11)
    assert not Scope(products=products_of([""])).is_here(here)


def test_a_cpe_without_a_release_is_of_the_release_that_the_system_tells_apart() -> None:
    unversioned = OsRelease(id="rhel", version_id="9.4", cpe_name="cpe:/o:redhat:enterprise_linux")
    assert scene(os_release=unversioned).is_platform(parse_product("cpe:/o:redhat:enterprise_linux:9"))
    assert not scene(os_release=unversioned).is_platform(parse_product("cpe:/o:redhat:enterprise_linux:8"))
    assert not scene(os_release=unversioned).is_platform(parse_product("cpe:/o:redhat:enterprise_linux:9.1"))
    assert not scene().is_platform(parse_product("cpe:/o:redhat:enterprise_linux"))
