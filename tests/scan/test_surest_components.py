# SPDX-License-Identifier: Apache-2.0
"""Of one package known on several grounds the surest is told; what a distribution owns is told as owned."""

from collections.abc import Sequence

import pytest

from tidegate.artifact import Digest
from tidegate.inventory import (
    Basis,
    Component,
    FileFacts,
    LayerFacts,
    OsRelease,
    Ownership,
    Package,
    PackageKind,
    Scope,
    Version,
)
from tidegate.oci.squash import Overlay
from tidegate.scan.components import components_of, with_owners
from tidegate.scan.visible import Sighting

DEBIAN = OsRelease(id="debian", version_id="12")
LAYER = Digest.of(b"layer")


def package(
    basis: Basis,
    *,
    name: str = "lodash",
    kind: PackageKind = PackageKind.NPM,
    version: str = "1.0",
    scope: Scope = Scope.RUNTIME,
) -> Package:
    return Package(kind=kind, name=name, version=Version(version), basis=basis, scope=scope)


def components(*files: tuple[str, Package]) -> list[Component]:
    return components_of([sighting(path, [it]) for path, it in files], [LAYER], DEBIAN)


def sighting(path: str, packages: Sequence[Package] = (), ownership: Sequence[Ownership] = ()) -> Sighting:
    facts = FileFacts(path=path, cataloger="dpkg", packages=tuple(packages), ownership=tuple(ownership))
    return Sighting(0, facts)


def told(found: Sequence[Component]) -> list[tuple[str, Basis]]:
    return [(it.location, it.basis) for it in found]


@pytest.mark.parametrize("weaker", [Basis.LOCKED, Basis.DECLARED, Basis.CLAIMED])
def test_what_is_installed_is_not_told_again_on_weaker_grounds(weaker: Basis) -> None:
    found = components(("app/bom.json", package(weaker)), ("lib/lodash", package(Basis.INSTALLED)))
    assert told(found) == [("lib/lodash", Basis.INSTALLED)]


def test_another_version_is_another_package() -> None:
    claimed = package(Basis.CLAIMED, version="2.0")
    assert len(components(("bom.json", claimed), ("lib/lodash", package(Basis.INSTALLED)))) == 2


def test_a_package_only_claimed_is_told_as_a_claim() -> None:
    assert told(components(("bom.json", package(Basis.CLAIMED)))) == [("bom.json", Basis.CLAIMED)]


def test_places_of_one_sureness_are_all_told() -> None:
    found = components(("a/lodash", package(Basis.INSTALLED)), ("b/lodash", package(Basis.INSTALLED)))
    assert len(found) == 2
    assert len(components(("a/lock", package(Basis.LOCKED)), ("b/lock", package(Basis.LOCKED)))) == 2


def test_a_program_that_has_it_linked_in_is_told_beside_the_installed_one() -> None:
    crate = package(Basis.RECOGNISED, kind=PackageKind.CARGO)
    sure = package(Basis.INSTALLED, kind=PackageKind.CARGO)
    assert len(components(("bin/one", crate), ("bin/two", sure))) == 2


def test_a_manifest_is_silent_beside_its_own_lock_file_only() -> None:
    locked, declared = package(Basis.LOCKED), package(Basis.DECLARED)
    assert told(components(("a/lock", locked), ("a/manifest", declared))) == [("a/lock", Basis.LOCKED)]
    assert len(components(("a/lock", locked), ("b/manifest", declared))) == 2


def test_a_claim_of_another_release_has_no_advisories_of_this_one() -> None:
    here = Package(kind=PackageKind.DEB, name="a", version=Version("1"), basis=Basis.CLAIMED, namespace="debian")
    other = Package(
        kind=PackageKind.DEB,
        name="b",
        version=Version("1"),
        basis=Basis.CLAIMED,
        namespace="debian",
        qualifiers=(("distro", "debian-11"),),
    )
    found = components(("bom.json", here), ("other.json", other))
    assert [(it.name, it.ecosystem) for it in found] == [("a", "Debian:12"), ("b", "")]
    assert found[1].purl == "pkg:deb/debian/b@1?distro=debian-11"


def test_what_a_note_says_is_silent_where_the_database_owns_the_program() -> None:
    program = Package(kind=PackageKind.GENERIC, name="systemd", version=Version("252"), basis=Basis.RECOGNISED)
    noted = Package(kind=PackageKind.DEB, name="systemd", version=Version("252.1"), basis=Basis.RECOGNISED)
    owned = Ownership(package="systemd", paths=("usr/bin/systemctl",))
    sightings = [
        sighting("usr/bin/systemctl", [program, noted]),
        sighting("opt/stray", [noted]),
        sighting("var/lib/dpkg/status", [Package(kind=PackageKind.DEB, name="systemd", version=Version("252.1-1"))]),
        sighting("var/lib/dpkg/info/systemd.list", (), [owned]),
    ]
    layers = [LayerFacts(analyser="a", digest=LAYER, diff_id=LAYER, size=0, entries=0)]
    found = with_owners(components_of(sightings, [LAYER], DEBIAN), sightings, layers, Overlay(layers, lambda _: {}))
    assert [(it.kind.value, it.location, it.owner or "") for it in found] == [
        ("deb", "opt/stray", ""),
        ("deb", "var/lib/dpkg/status", ""),
        ("generic", "usr/bin/systemctl", "pkg:deb/debian/systemd@252.1-1?distro=debian-12"),
    ]


def test_a_distributions_package_has_no_owner_even_where_one_lists_its_database() -> None:
    place = "usr/share/weir/bom.json"
    ours = package(Basis.INSTALLED, name="weir", kind=PackageKind.DEB)
    sightings = [
        sighting(place, [ours, package(Basis.INSTALLED, name="inner")], [Ownership(package="weir", paths=(place,))])
    ]
    layers = [LayerFacts(analyser="a", digest=LAYER, diff_id=LAYER, size=0, entries=0)]
    found = with_owners(components_of(sightings, [LAYER], DEBIAN), sightings, layers, Overlay(layers, lambda _: {}))
    owners = {it.name: it.owner for it in found}
    assert owners == {"weir": None, "inner": "pkg:deb/debian/weir@1.0?distro=debian-12"}


_DEVELOPMENT = package(Basis.LOCKED, scope=Scope.DEVELOPMENT)
_RUNTIME = package(Basis.LOCKED)


@pytest.mark.parametrize(
    ("files", "scope"),
    [
        ([("lock", _DEVELOPMENT)], Scope.DEVELOPMENT),
        ([("app/lock", _DEVELOPMENT)], Scope.DEVELOPMENT),
        ([("other/lock", _DEVELOPMENT)], Scope.RUNTIME),
        ([("app/lock", _RUNTIME), ("lock", _DEVELOPMENT)], Scope.RUNTIME),
        ([("app/lock", _DEVELOPMENT), ("lock", _RUNTIME)], Scope.DEVELOPMENT),
        ([("app/lock", _DEVELOPMENT), ("app/lock2", _RUNTIME)], Scope.RUNTIME),
        ([("app/manifest", package(Basis.DECLARED, scope=Scope.TEST)), ("app/lock", _DEVELOPMENT)], Scope.DEVELOPMENT),
        ([("app/manifest", package(Basis.DECLARED, scope=Scope.TEST))], Scope.TEST),
        ([("app/lock", package(Basis.LOCKED, scope=Scope.DEVELOPMENT, version="2.0"))], Scope.RUNTIME),
    ],
)
def test_the_nearest_word_of_its_project_says_what_an_installed_package_is_for(
    files: list[tuple[str, Package]], scope: Scope
) -> None:
    found = components(("app/node_modules/lodash/package.json", package(Basis.INSTALLED)), *files)
    assert [it.scope for it in found if it.basis is Basis.INSTALLED] == [scope]


def test_a_package_that_tells_its_own_scope_keeps_it() -> None:
    told_itself = package(Basis.INSTALLED, scope=Scope.TEST)
    found = components(("app/vendor/lodash", told_itself), ("app/lock", _DEVELOPMENT))
    assert [it.scope for it in found if it.basis is Basis.INSTALLED] == [Scope.TEST]
