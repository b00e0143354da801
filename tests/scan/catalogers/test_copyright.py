# SPDX-License-Identifier: Apache-2.0
"""Licences out of Debian's copyright files, and how they reach the packages they are of."""

import pytest

from tidegate.artifact import Digest
from tidegate.inventory import (
    Component,
    FileFacts,
    LayerFacts,
    Link,
    LinkKind,
    Package,
    PackageKind,
    PackageLicenses,
    Version,
)
from tidegate.oci.squash import Overlay
from tidegate.scan.cataloger import ImageFile
from tidegate.scan.catalogers.copyright import MAX_STATEMENTS, CopyrightCataloger
from tidegate.scan.components import components_of
from tidegate.scan.licensed import with_licences
from tidegate.scan.visible import Sighting

FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
FORM_1 = f"""{FORMAT}Upstream-Name: part
License: Artistic

Files: *
Copyright: 2020 Ann
License: GPL-2+ or Artistic
 This program is free; see
 .
 License: not a field, a line of the text

Files: lib/*
Copyright: 2021 Bob
License: LGPL-2.1+ with
 Foo exception

Files: debian/*
license:   public-domain\t
 Nobody owns it.

License: GPL-2+
 On Debian systems see /usr/share/common-licenses/GPL-2.

License: Artistic
 See /usr/share/common-licenses/Artistic.
"""


def read(text: str, package: str = "part") -> tuple[str, ...]:
    file = ImageFile(path=f"usr/share/doc/{package}/copyright", content=text.encode())
    facts = CopyrightCataloger().catalog(file)
    assert not facts.packages
    return tuple(said for told in facts.licenses_of for said in told.licenses)


def test_form_1_tells_licences_of_files_and_not_the_texts_of_each() -> None:
    assert read(FORM_1) == ("Artistic", "GPL-2+ or Artistic", "LGPL-2.1+ with", "public-domain")
    assert read(FORM_1.replace("\n", "\r\n")) == read(FORM_1)


def test_form_1_without_paragraphs_of_files_still_tells_the_texts() -> None:
    assert read(f"{FORMAT}\nLicense: Expat\n text\n\nLicense: ISC\n") == ("Expat", "ISC")


@pytest.mark.parametrize(
    ("text", "licenses"),
    [
        ("GPL, see /usr/share/common-licenses/GPL-2.", ("GPL-2",)),
        ("version 2, or (at your option) any later version: /usr/share/common-licenses/GPL-2'", ("GPL-2+",)),
        ("any later version. /usr/share/common-licenses/Apache-2.0", ("Apache-2.0",)),
        ("`/usr/share/common-licenses/LGPL-2.1' and /usr/share/common-licenses/GFDL.", ("LGPL-2.1", "GFDL")),
        ("License: MIT\n", ("MIT",)),
        ("License: see below, it is long and free of form\n", ()),
        ("Permission is hereby granted, free of charge,\n  to any person obtaining\n a copy", ("Expat",)),
        ("Redistribution and use in source and binary forms ... Neither the name of", ("BSD-3-clause",)),
        ("Redistribution and use in source and binary\n forms, with or without", ("BSD-2-clause",)),
        ("It is in the public domain.", ("public-domain",)),
        ("GPL: /usr/share/common-licenses/GPL-3. Parts are in the public domain.", ("GPL-3",)),
        ("All rights reserved.", ()),
        ("", ()),
    ],
)
def test_what_is_written_freely_is_recognised(text: str, licenses: tuple[str, ...]) -> None:
    assert read(text) == licenses


def test_a_hostile_file_tells_no_more_than_the_bound() -> None:
    many = "".join(f"Files: {number}\nLicense: L{number}\n\n" for number in range(10_000))
    assert len(read(FORMAT + "\n" + many)) == MAX_STATEMENTS
    assert read(FORMAT + "Files: *\nLicense: " + "x" * 10_000)[0] == "x" * 512
    assert read("License: a", package="a b") == ()


@pytest.mark.parametrize(
    ("path", "is_wanted"),
    [
        ("usr/share/doc/a/copyright", True),
        ("usr/share/doc/copyright", False),
        ("usr/share/doc/a/b/copyright", False),
        ("opt/usr/share/doc/copyright", False),
    ],
)
def test_one_file_of_a_package_is_wanted(path: str, is_wanted: bool) -> None:
    assert CopyrightCataloger().accepts(path) is is_wanted


def deb(name: str, source: str = "", version: str = "1") -> Package:
    return Package(kind=PackageKind.DEB, name=name, version=Version(version), source_name=source)


def licensed(*packages: Package, links: tuple[Link, ...] = (), **told: str) -> dict[str, Component]:
    files = [FileFacts(path="var/lib/dpkg/status", cataloger="dpkg", packages=packages)]
    for name, said in told.items():
        licenses_of = (PackageLicenses(package=name, licenses=(said,)),)
        files.append(FileFacts(path=f"usr/share/doc/{name}/copyright", cataloger="copyright", licenses_of=licenses_of))
    layer = Digest.of(b"layer")
    facts = LayerFacts(analyser="1", digest=layer, diff_id=layer, size=0, entries=0, files=tuple(files), links=links)
    tree = {link.path: "link" for link in links} | {f"usr/share/doc/{name}": "folder" for name in told}
    sightings = [Sighting(0, it) for it in files]
    found = components_of(sightings, [layer], None)
    return {it.name: it for it in with_licences(found, sightings, Overlay([facts], lambda _: tree))}


def test_a_package_gets_the_licence_of_its_file() -> None:
    found = licensed(deb("a"), deb("b"), a="GPL-2+")
    assert (found["a"].licenses, found["a"].license, found["a"].license_class) == (
        ("GPL-2+",),
        "GPL-2.0-or-later",
        "copyleft",
    )
    assert (found["b"].licenses, found["b"].license, found["b"].license_class) == ((), "", "")


def test_a_package_whose_documents_are_a_link_gets_the_others() -> None:
    link = Link(path="usr/share/doc/b", target="a", kind=LinkKind.SYMBOLIC)
    assert licensed(deb("a"), deb("b"), links=(link,), a="Expat")["b"].license == "MIT"


def test_packages_of_one_source_and_version_share_their_file() -> None:
    found = licensed(deb("a", "s"), deb("b", "s"), deb("c", "s", "2"), deb("s"), a="Expat")
    assert {name: it.license for name, it in found.items()} == {"a": "MIT", "b": "MIT", "c": "", "s": "MIT"}


def test_what_a_package_states_itself_counts_first() -> None:
    wheel = Package(kind=PackageKind.PYPI, name="a", version=Version("1"), licenses=("MIT",))
    found = licensed(wheel, a="GPL-2+")["a"]
    assert (found.license, found.license_class) == ("MIT", "permissive")
