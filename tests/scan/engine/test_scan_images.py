# SPDX-License-Identifier: Apache-2.0
"""Layers laid over each other: what is seen, which layer brought it in, what links lead to, who owns it."""

from pathlib import Path

import pytest
from engine_parts import LineCataloger, MemoryLayer, WordScanner, image_of
from msgspec.structs import replace

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, DigestMismatchError, InvalidInputError
from tidegate.inventory import FileFacts, Inventory, Ownership, Package, PackageKind, Version
from tidegate.oci.image import Image
from tidegate.oci.layer_builder import BuiltLayer, Compression, LayerBuilder
from tidegate.scan.cataloger import Cataloger, ImageFile, Wants
from tidegate.scan.facts_store import FactsStore
from tidegate.scan.image import scan_image
from tidegate.scan.limits import ScanLimits
from tidegate.scan.os_release import OsReleaseCataloger
from tidegate.wire import to_json

DATABASE = "var/db/packages"


class OwnerCataloger:
    """A distribution's database: lines of `name version path...`."""

    name = "distribution"
    version = 1
    wants = Wants(paths=frozenset({"var/db/distribution"}))

    def accepts(self, path: str) -> bool:
        return bool(path)

    def catalog(self, file: ImageFile) -> FileFacts:
        rows = [line.split() for line in file.content.decode().splitlines()]
        packages = tuple(
            Package(kind=PackageKind.DEB, name=name, version=Version(version)) for name, version, *_ in rows
        )
        ownership = tuple(Ownership(package=name, paths=tuple(paths)) for name, _, *paths in rows)
        return FileFacts(path=file.path, cataloger=self.name, packages=packages, ownership=ownership)


ROSTER: tuple[Cataloger, ...] = (LineCataloger(), OwnerCataloger(), OsReleaseCataloger())


def scanned(
    *layers: BuiltLayer | LayerBuilder, store: FactsStore | None = None, workers: int = 1, image: Image | None = None
) -> Inventory:
    image = image or image_of(*(it.build() if isinstance(it, LayerBuilder) else it for it in layers))
    return scan_image(image, store=store, roster=ROSTER, secrets=WordScanner(), workers=workers)


def told(inventory: Inventory) -> list[tuple[str, str, str, int]]:
    """Name, version, location and number of the layer of each component."""
    assert len(set(inventory.layers)) == len(inventory.layers)  # else a digest does not tell which
    order = {digest: index for index, digest in enumerate(inventory.layers)}
    return [(it.name, it.version, it.location, order[it.layer]) for it in inventory.components]


def layer() -> LayerBuilder:
    return LayerBuilder(compression=Compression.PLAIN)


def test_a_package_is_of_the_layer_that_first_brought_its_version_in() -> None:
    found = scanned(
        layer().file(DATABASE, "kept 1\nraised 1\ngone 1\n"),
        layer().file(DATABASE, "kept 1\nraised 2\n"),
        layer().file("unrelated", "x"),
        layer().file(DATABASE, "kept 1\nraised 2\nadded 1\n"),
    )
    assert told(found) == [("added", "1", DATABASE, 3), ("kept", "1", DATABASE, 0), ("raised", "2", DATABASE, 1)]


def test_a_version_that_went_and_came_back_is_of_the_layer_it_came_back_in() -> None:
    found = scanned(
        layer().file(DATABASE, "a 1\n"),
        layer().file(DATABASE, "a 2\n"),
        layer().file(DATABASE, "a 1\n").file("x", "another layer"),
    )
    assert told(found) == [("a", "1", DATABASE, 2)]


def test_a_database_deleted_in_between_begins_anew() -> None:
    found = scanned(
        layer().file(DATABASE, "a 1\n"),
        layer().whiteout(DATABASE),
        layer().file(DATABASE, "a 1\n").file("x", "another layer"),
    )
    assert told(found) == [("a", "1", DATABASE, 2)]


@pytest.mark.parametrize(
    "upper",
    [
        layer().whiteout(DATABASE),
        layer().whiteout("var/db"),
        layer().whiteout("var"),
        layer().opaque("var/db"),
        layer().opaque(""),
        layer().folder(DATABASE),
        layer().symlink(DATABASE, "/nowhere"),
        layer().file("var/db", "a file over the folder"),
        layer().file(DATABASE, ""),
        layer().file(DATABASE, "!input"),
    ],
)
def test_what_an_upper_layer_hides_or_replaces_is_not_there(upper: LayerBuilder) -> None:
    assert told(scanned(layer().file(DATABASE, "a 1\n"), upper)) == []


def test_a_whiteout_beside_its_own_layers_file_spares_that_file() -> None:
    found = scanned(layer().file(DATABASE, "a 1\n"), layer().file(DATABASE, "a 1\n").opaque("var/db"))
    assert [(name, version) for name, version, _, _ in told(found)] == [("a", "1")]


def test_the_later_of_two_entries_of_one_path_wins_within_a_layer() -> None:
    assert told(scanned(layer().file(DATABASE, "a 1\n").file(DATABASE, "b 1\n"))) == [("b", "1", DATABASE, 0)]
    assert told(scanned(layer().file(DATABASE, "a 1\n").symlink(DATABASE, "/nowhere"))) == []


@pytest.mark.parametrize(
    "linked",
    [
        layer().file("opt/real", "a 1\n").symlink(DATABASE, "../../opt/real"),
        layer().file("opt/real", "a 1\n").symlink(DATABASE, "/opt/real"),
        layer().file("opt/real", "a 1\n").hardlink(DATABASE, "opt/real"),
        layer().file("usr/db/packages", "a 1\n").symlink("var/db", "../usr/db"),
        layer().file("usr/var/db/packages", "a 1\n").symlink("var", "usr/var"),
        layer().file("opt/real", "a 1\n").symlink("opt/one", "real").symlink(DATABASE, "/opt/one"),
    ],
)
def test_a_database_behind_links_is_read_under_its_own_name(linked: LayerBuilder, tmp_path: Path) -> None:
    built = linked.build()
    image = image_of(built)
    store = FactsStore(tmp_path)
    first = scanned(image=image, store=store)
    assert told(first) == [("a", "1", DATABASE, 0)]
    assert scanned(image=image_of(built, layer().file("x", "").build()), store=store).components == first.components
    assert sum(part.opened for part in image.layers if isinstance(part, MemoryLayer)) == 2


def test_a_database_behind_a_link_keeps_the_layer_that_brought_its_packages() -> None:
    found = scanned(
        layer().file("opt/real", "a 1\nb 1\n").symlink(DATABASE, "/opt/real"),
        layer().file("opt/real", "a 1\nb 2\n"),
    )
    assert told(found) == [("a", "1", DATABASE, 0), ("b", "2", DATABASE, 1)]


def test_a_link_set_in_an_upper_layer_leads_into_a_lower_one() -> None:
    found = scanned(layer().file("opt/real", "a 1\n"), layer().symlink(DATABASE, "/opt/real"))
    assert told(found) == [("a", "1", DATABASE, 0)]


def test_folders_of_databases_are_followed_too() -> None:
    found = scanned(
        layer().file("opt/list/one", "a 1\n").file("opt/list/two", "b 1\n").symlink("var/db/list.d", "/opt/list")
    )
    assert [(name, place) for name, _, place, _ in told(found)] == [
        ("a", "var/db/list.d/one"),
        ("b", "var/db/list.d/two"),
    ]


def test_a_link_to_a_file_that_is_read_anyhow_counts_once() -> None:
    found = scanned(layer().file("srv/PACKAGES", "a 1\n").symlink("opt/PACKAGES", "/srv/PACKAGES"))
    assert told(found) == [("a", "1", "srv/PACKAGES", 0)]


def test_links_in_circles_and_out_of_the_image_lead_nowhere() -> None:
    assert told(scanned(layer().symlink(DATABASE, "packages"))) == []
    assert told(scanned(layer().symlink(DATABASE, "../../../../../../etc/hostname"))) == []


def test_the_number_of_followed_links_is_bounded() -> None:
    builder = layer().file("opt/real", "a 1\n")
    for at in range(5):
        builder.symlink(f"srv/{at}/PACKAGES", "/opt/real")
    with pytest.raises(BoundExceededError) as caught:
        scan_image(
            image_of(builder.build()),
            store=None,
            roster=ROSTER,
            secrets=WordScanner(),
            limits=ScanLimits(max_followed_links=4),
        )
    assert caught.value.bound == "max_followed_links"


def test_the_visible_os_release_counts() -> None:
    found = scanned(
        layer()
        .file("usr/lib/os-release", "ID=debian\nVERSION_ID=12\n")
        .symlink("etc/os-release", "../usr/lib/os-release"),
        layer().file("usr/lib/os-release", "ID=debian\nVERSION_ID=13\n"),
    )
    assert found.os_release is not None
    assert found.os_release.version_id == "13"


def test_an_os_release_behind_an_odd_link_counts() -> None:
    found = scanned(
        layer().file("opt/release", "ID=alpine\nVERSION_ID=3.20.1\n").symlink("etc/os-release", "/opt/release")
    )
    assert found.os_release is not None
    assert found.os_release.id == "alpine"


def test_packages_whose_file_a_distribution_package_owns_name_it() -> None:
    base = (
        layer()
        .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .file("usr/lib/py/PACKAGES", "owned 1\n")
        .file("usr/local/PACKAGES", "own 1\n")
        .file("srv/PACKAGES", "foreign 1\n")
        .file("var/db/distribution", "dist 1 lib/py/PACKAGES usr/lib/other\nplain 2 srv/PACKAGES\n")
        .symlink("lib", "usr/lib")
    )
    owners = {it.name: it.owner for it in scanned(base).components if it.kind is PackageKind.PYPI}
    purls = {it.name: it.purl for it in scanned(base).components if it.kind is PackageKind.DEB}
    assert owners == {"owned": purls["dist"], "own": None, "foreign": purls["plain"]}


def test_secrets_say_whether_a_later_layer_hides_them() -> None:
    found = scanned(layer().file("gone", "HUSH").file("kept", "HUSH"), layer().whiteout("gone"))
    assert [(it.secret.path, it.deleted, it.layer) for it in found.secrets] == [
        ("gone", True, found.layers[0]),
        ("kept", False, found.layers[0]),
    ]


def test_outcomes_are_of_files_that_are_seen() -> None:
    lower = layer().file(DATABASE, "!input").file("x/PACKAGES", "!bug")
    assert [it.location for it in scanned(lower, layer().whiteout("x")).outcomes] == [DATABASE]


def test_a_refused_path_and_an_entry_that_is_no_file_are_not_handed_over() -> None:
    found = scanned(layer().file("refused/PACKAGES", "a 1\n").folder("folder/PACKAGES").file("x/b.pkg", "b 1\n"))
    assert told(found) == [("b", "1", "x/b.pkg", 0)]


def many_layers() -> list[BuiltLayer]:
    built = []
    for at in range(7):
        builder = LayerBuilder(compression=(Compression.GZIP, Compression.ZSTD, Compression.PLAIN)[at % 3])
        builder.file(DATABASE, "".join(f"p{number} {number % (at + 1)}\n" for number in range(50)))
        for number in range(30):
            builder.file(f"srv/{at}/{number}/PACKAGES", f"q{number} {at}\n").file(f"etc/{at}/{number}", "HUSH" * number)
        builder.symlink(f"opt/{at}/PACKAGES", DATABASE).whiteout(f"srv/{at - 1}/3")
        built.append(builder.build())
    return [*built, built[0], built[3]]


def test_the_result_does_not_depend_on_threads_or_on_the_store(tmp_path: Path) -> None:
    layers = many_layers()
    alone = to_json(scanned(*layers))
    store = FactsStore(tmp_path)
    assert to_json(scanned(*layers, workers=4)) == alone
    assert to_json(scanned(*layers, workers=4, store=store)) == alone
    assert to_json(scanned(*layers, workers=2, store=store)) == alone
    assert to_json(scanned(*layers[:5], store=store)) == to_json(scanned(*layers[:5]))


def test_layers_whose_facts_are_kept_are_not_opened(tmp_path: Path) -> None:
    store = FactsStore(tmp_path)
    layers = many_layers()
    scanned(*layers, store=store)
    again = image_of(*layers[:4])
    scanned(image=again, store=store)
    assert [part.opened for part in again.layers if isinstance(part, MemoryLayer)] == [0, 0, 0, 0]


def test_kept_facts_do_not_excuse_another_diff_id(tmp_path: Path) -> None:
    store = FactsStore(tmp_path)
    built = layer().file(DATABASE, "a 1\n").build()
    scanned(built, store=store)
    with pytest.raises(DigestMismatchError):
        scanned(replace(built, diff_id=Digest.of(b"other")), store=store)


def test_progress_is_told_for_each_different_layer() -> None:
    told_so: list[tuple[int, int]] = []
    scan_image(
        image_of(*many_layers()),
        store=None,
        roster=ROSTER,
        secrets=WordScanner(),
        workers=3,
        progress=lambda done, total: told_so.append((done, total)),
    )
    assert told_so == [(at, 7) for at in range(1, 8)]


def test_one_broken_layer_fails_the_scan_and_keeps_no_half(tmp_path: Path) -> None:
    good, bad = layer().file(DATABASE, "a 1\n").build(), layer().file("../x", "").build()
    for workers in (1, 4):
        with pytest.raises(InvalidInputError, match="path traversal"):
            scanned(good, bad, store=FactsStore(tmp_path), workers=workers)
    assert FactsStore(tmp_path).layer(bad.descriptor.digest, "any") is None
