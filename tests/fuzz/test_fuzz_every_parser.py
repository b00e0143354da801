# SPDX-License-Identifier: Apache-2.0
"""Every parser of the roster against mutations, nasty files, and what once did harm: only named errors come out."""

from collections.abc import Callable

import pytest
from fuzz_attempt import failure_of
from fuzz_child import run_child
from fuzz_corpus import kept
from fuzz_hostile import hostile
from fuzz_mutation import KINDS, Deed, done
from fuzz_parser import NAMED, Parser
from fuzz_roster import parsers
from hypothesis import given, settings
from hypothesis import strategies as st

PARSERS = {parser.name: parser for parser in parsers()}
SHORT_BYTES = 4_000
"""Nasty files up to this size are tried each time, longer ones by `make fuzz`."""
EXAMPLES, FEW_EXAMPLES = 12, 3


def names() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", PARSERS)


def deeds() -> st.SearchStrategy[list[Deed]]:
    part = st.integers(0, (1 << 16) - 1)
    one = st.builds(Deed, st.sampled_from(KINDS), part, part, st.integers(0, (1 << 30) - 1))
    return st.lists(one, min_size=1, max_size=4)


@names()
def test_a_sound_sample_is_read(name: str) -> None:
    taken = 0
    for sample in PARSERS[name].samples:
        assert failure_of(PARSERS[name], sample) == ""
        taken += _is_taken(PARSERS[name], sample)
    assert taken or name in {"target", "layout-folder"}, "these name what is not there"


def _is_taken(parser: Parser, sample: bytes) -> bool:
    try:
        parser.read(sample)
    except NAMED:
        return False
    return True


@pytest.mark.property
@names()
def test_nothing_but_named_errors_come_out_of_a_mutation(name: str) -> None:
    parser = PARSERS[name]

    @settings(max_examples=FEW_EXAMPLES if parser.slow else EXAMPLES, deadline=None, database=None)
    @given(st.sampled_from(sorted(parser.samples, key=len)), deeds())
    def whatever_comes(sample: bytes, changes: list[Deed]) -> None:
        assert failure_of(parser, done(sample, changes, parser.samples)) == ""

    whatever_comes()


@pytest.mark.parametrize("form", sorted({parser.form for parser in PARSERS.values()}))
def test_nasty_files_end_no_process(form: str) -> None:
    files = [data for data in hostile(form) if len(data) <= SHORT_BYTES]
    assert files
    assert (
        run_child(_trying([it for it in PARSERS.values() if it.form == form and not it.slow], files), seconds=120) == ""
    )


def _trying(readers: list[Parser], files: list[bytes]) -> Callable[[], None]:
    def work() -> None:
        for parser in readers:
            for data in files:
                failure = failure_of(parser, data)
                assert failure == "", (parser.name, data[:80])

    return work


@pytest.mark.parametrize(("parser", "file"), [pytest.param(*one, id=f"{one[0]}/{one[1].name}") for one in kept()])
def test_what_once_did_harm_does_none(parser: str, file) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a path
    data = file.read_bytes()

    def work() -> None:
        failure = failure_of(PARSERS[parser], data)
        assert failure == ""

    assert run_child(work, seconds=60) == ""
