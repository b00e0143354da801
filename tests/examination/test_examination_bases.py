# SPDX-License-Identifier: Apache-2.0
"""What an image was built upon: by layers, by annotations, by history; and bases that are remembered."""

import hashlib
from pathlib import Path

import pytest

from tidegate.artifact import Digest, ImageConfig, Platform, Reference
from tidegate.artifact.image_config import HistoryEntry
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.examination.base_image import base_layers_by_history, recognise
from tidegate.examination.bases import Bases, chain_ids
from tidegate.inventory import Inventory

AMD64 = Platform(os="linux", architecture="amd64")


def digest(text: str) -> Digest:
    return Digest.of(text.encode())


def image(
    *layers: str, labels: dict[str, str] | None = None, history: tuple[HistoryEntry, ...] = (), created: str = ""
) -> Inventory:
    config = ImageConfig(
        platform=AMD64,
        diff_ids=tuple(map(digest, layers)),
        labels=labels or {},
        history=history,
        created=created,
    )
    return Inventory(
        digest=digest("/".join(layers)),
        name="x",
        layers=tuple(digest(f"packed {layer}") for layer in layers),
        layers_unpacked=config.diff_ids,
        components=(),
        config=config,
    )


def ref(text: str) -> Reference:
    return Reference.parse(text)


def test_chain_ids_are_those_of_the_specification() -> None:
    # OCI image-spec 1.1 config.md "Layer ChainID": Digest(ChainID(L0) + " " + DiffID(L1)).
    first, second = digest("a"), digest("b")
    joined = hashlib.sha256(f"{first} {second}".encode()).hexdigest()
    assert list(chain_ids([first, second])) == [str(first).partition(":")[2], joined]


def test_the_largest_known_base_below_is_found_whatever_it_is_called(tmp_path: Path) -> None:
    bases = Bases(tmp_path)
    bases.remember(image("os"), name=ref("debian:12"))
    bases.remember(image("os", "python"), name=ref("python:3.12"))
    bases.remember(image("os", "ruby"), name=ref("ruby:3"))
    app = image("os", "python", "app")
    base, known = recognise(app, bases)
    assert base is not None
    assert known is not None
    assert (base.name, base.layers, base.known_by) == ("docker.io/library/python:3.12", 2, "layers")
    assert base.part_of == "docker.io/library/python"
    assert recognise(image("os", "python"), bases)[1] == bases.below([digest("os"), digest("x")])
    assert recognise(image("other", "python"), bases) == (None, None)
    assert recognise(image("os"), bases) == (None, None)


def test_a_newer_image_of_a_name_takes_the_place_of_the_older(tmp_path: Path) -> None:
    bases = Bases(tmp_path)
    bases.remember(image("os-1"), name=ref("debian:12"))
    bases.remember(image("os-2"), name=ref("debian:12"))
    assert [base.layers_unpacked for base in bases.all()] == [(digest("os-2"),)]
    assert bases.below([digest("os-1"), digest("app")]) is None
    assert bases.below([digest("os-2"), digest("app")]) is not None


def test_bases_are_listed_by_family_and_forgotten_by_name(tmp_path: Path) -> None:
    bases = Bases(tmp_path)
    for tag in ("3.12", "3.13", "3.11"):
        bases.remember(image(tag), name=ref(f"python:{tag}"))
    bases.remember(image("debian"), name=ref("debian:12"))
    family = bases.family("docker.io/library/python")
    assert [base.name.rpartition(":")[2] for base in family] == ["3.11", "3.12", "3.13"]
    bases.forget(ref("python:3.12"))
    assert [base.name.rpartition(":")[2] for base in bases.all()] == ["12", "3.11", "3.13"]
    with pytest.raises(NotFoundError):
        bases.forget(ref("python:3.12"))


def test_what_cannot_be_read_back_counts_as_missing(tmp_path: Path) -> None:
    bases = Bases(tmp_path)
    bases.remember(image("os"), name=ref("debian:12"))
    for place in tmp_path.glob("family/*/*"):
        place.write_bytes(place.read_bytes()[:-3])
    assert bases.all() == []
    assert bases.below([digest("os"), digest("app")]) is None


def test_a_folder_is_no_base(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        Bases(tmp_path).remember(
            Inventory(digest=digest("x"), name="x", layers=(), components=()), name=ref("debian:12")
        )


def step(text: str, *, empty: bool = False) -> HistoryEntry:
    return HistoryEntry(created_by=text, empty_layer=empty)


DEBIAN = (step("/bin/sh -c #(nop) ADD file:abc in / "), step('/bin/sh -c #(nop)  CMD ["bash"]', empty=True))
PYTHON = (*DEBIAN, step("ENV A=1", empty=True), step("RUN make"), step('CMD ["python3"]', empty=True))
APP = (*PYTHON, step("COPY . /app # buildkit"), step('ENTRYPOINT ["/app"]', empty=True))


@pytest.mark.parametrize(
    ("history", "layers", "base"),
    [
        (APP, 3, 2),
        (PYTHON, 2, 1),
        (DEBIAN, 1, 0),
        ((*DEBIAN, step("COPY a b")), 2, 1),
        (APP, 4, 0),
        ((), 3, 0),
        ((step("COPY a b"), step("COPY c d")), 2, 0),
    ],
)
def test_the_history_tells_where_a_first_image_ended(history: tuple[HistoryEntry, ...], layers: int, base: int) -> None:
    assert base_layers_by_history(history, layers) == base


def test_annotations_tell_the_name_and_history_the_layers(tmp_path: Path) -> None:
    labels = {
        "org.opencontainers.image.base.name": "docker.io/library/python:3.12-slim",
        "org.opencontainers.image.base.digest": str(digest("base")),
    }
    base, known = recognise(image("a", "b", "c", labels=labels, history=APP), Bases(tmp_path))
    assert known is None
    assert base is not None
    assert (base.name, base.digest, base.layers, base.known_by, base.part_of) == (
        "docker.io/library/python:3.12-slim",
        digest("base"),
        2,
        "annotation",
        "docker.io/library/python",
    )
    labels["org.opencontainers.image.base.digest"] = "sha256:nonsense"
    base, _ = recognise(image("a", labels=labels), None)
    assert base is not None
    assert (base.digest, base.layers) == (None, 0)
