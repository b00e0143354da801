# SPDX-License-Identifier: Apache-2.0
"""What every cataloger must hold to, whatever it reads: the acceptance function of the family, and its samples."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.bounds import MIB, printable
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts
from tidegate.scan.cataloger import Cataloger, ImageFile, PartialError
from tidegate.wire import from_msgpack, to_msgpack

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sound file a cataloger must read without trouble."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What is done to a sound file: bits flipped, then bytes from `start` to `end` replaced."""

    flips: list[tuple[int, int]] = field(default_factory=list)
    start: int = 0
    end: int = 0
    between: bytes = b""

    def done_to(self, content: bytes) -> bytes:
        changed = bytearray(content)
        for place, bits in self.flips:
            changed[place] ^= bits
        return bytes(changed[: self.start] + self.between + changed[self.end :])


def accept(cataloger: Cataloger, samples: list[Sample], *, examples: int = 60) -> None:
    """Fails when a cataloger breaks the contract of `tidegate.scan.cataloger`.

    Args:
        cataloger: a member of the roster.
        samples: at least one sound file of each form it reads.
        examples: hostile files tried for each sample.
    """
    assert isinstance(cataloger, Cataloger)
    assert NAME.fullmatch(cataloger.name)
    assert cataloger.version >= 1
    _wants_something_bounded(cataloger)
    assert samples
    for sample in samples:
        _reads(cataloger, sample)
        _survives(cataloger, sample, examples)


def _wants_something_bounded(cataloger: Cataloger) -> None:
    wants = cataloger.wants
    assert wants.paths or wants.names or wants.suffixes or wants.folders or wants.programs
    assert 0 < wants.max_bytes <= 256 * MIB
    for path in wants.paths | wants.folders:
        assert not path.startswith("/")
        assert not path.endswith("/")
    assert all(suffix.startswith(".") and suffix.count(".") == 1 for suffix in wants.suffixes)
    assert all("/" not in name for name in wants.names | wants.suffixes | wants.folder_names)
    assert wants.programs or not cataloger.accepts("some/where/else.txt")


def _reads(cataloger: Cataloger, sample: Sample) -> None:
    assert _is_wanted(cataloger, sample.path)
    assert cataloger.accepts(sample.path)
    assert len(sample.content) <= cataloger.wants.max_bytes
    facts = cataloger.catalog(ImageFile(path=sample.path, content=sample.content))
    assert facts.path == sample.path
    assert facts.cataloger == cataloger.name
    assert facts.packages or facts.ownership or facts.os_release or facts.licenses_of or facts.installer
    assert facts == cataloger.catalog(ImageFile(path=sample.path, content=sample.content)), "must be deterministic"
    _can_be_kept(facts)


def _is_wanted(cataloger: Cataloger, path: str) -> bool:
    folder, _, base = path.rpartition("/")
    wants = cataloger.wants
    suffix = base[base.rfind(".") :] if "." in base else ""
    if wants.programs:
        return True
    inner = folder.rpartition("/")[2] in wants.folder_names
    return inner or path in wants.paths or base in wants.names or suffix in wants.suffixes or folder in wants.folders


def _survives(cataloger: Cataloger, sample: Sample, examples: int) -> None:
    size = len(sample.content)

    @settings(max_examples=examples, deadline=None, database=None)
    @given(_harms(size))
    def whatever_comes(harm: Harm) -> None:
        _tried(cataloger, sample.path, harm.done_to(sample.content))

    whatever_comes()
    for cut in sorted({0, 1, size // 3, size // 2, size - 1}):
        _tried(cataloger, sample.path, sample.content[:cut])


def _harms(size: int) -> st.SearchStrategy[Harm]:
    places = st.integers(0, max(0, size - 1))
    # The first bytes say how much there is of everything; change those more often.
    first_places = st.integers(0, max(0, min(127, size - 1)))
    flips = st.lists(st.tuples(places | first_places, st.integers(1, 255)), max_size=8)
    return st.one_of(
        st.builds(Harm, start=st.just(0), end=st.just(size), between=st.binary(max_size=200)),
        st.builds(Harm, start=places, end=st.just(size)),
        st.builds(Harm, flips=flips),
        st.builds(Harm, start=places, end=places, between=st.binary(max_size=40), flips=flips),
    )


def _tried(cataloger: Cataloger, path: str, content: bytes) -> None:
    outcome = _outcome(lambda: cataloger.catalog(ImageFile(path=path, content=content)))
    assert outcome == _outcome(lambda: cataloger.catalog(ImageFile(path=path, content=content)))
    if isinstance(outcome, FileFacts):
        _can_be_kept(outcome)
    else:
        assert printable(outcome) == outcome


def _outcome(catalog: Callable[[], FileFacts]) -> FileFacts | str:
    try:
        return catalog()
    except PartialError as error:
        return error.facts if error.reason.isprintable() else error.reason
    except InvalidInputError as error:
        return str(error)


def _can_be_kept(facts: FileFacts) -> None:
    assert from_msgpack(to_msgpack(facts), FileFacts, what="facts") == facts
    for package in facts.packages:
        assert package.name.isprintable()
        assert package.version.isprintable()
    for ownership in facts.ownership:
        assert ownership.paths
        assert not any(path.startswith("/") for path in ownership.paths)
