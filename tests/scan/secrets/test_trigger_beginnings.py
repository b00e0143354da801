# SPDX-License-Identifier: Apache-2.0
"""What an automaton looks for is the beginning of a trigger: it must hit wherever the whole trigger would."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secret_samples import made

from tidegate.scan.secrets.automaton import COMMON_KEYS, Automaton
from tidegate.scan.secrets.prefixes import shortened
from tidegate.scan.secrets.rules import RULES
from tidegate.scan.secrets.telltales import HEX_RUN

BINARIES = Automaton(RULES, text=False)
PIECES = (b"\0", b"x", b"68656c6c6f", b"0a", b"7", b"9f", b"4B" * 20, b"3" * 45)


@pytest.mark.parametrize(
    ("whole", "beginning"),
    [
        ("re_[0-9A-Za-z]{8}_[0-9A-Za-z]{24}", "re_[0-9A-Za-z]{8}_[0-9A-Za-z]{12}"),
        (r"sl\.[0-9A-Za-z_=-]{130}", r"sl\.[0-9A-Za-z_=-]{12}"),
        (r"sk-[\w\]-]{20,90}T3[0-9]{20}", r"sk-[\w\]-]{12}"),
        ("(?i)a[0-9]{40}", "(?i)a[0-9]{12}"),
        ("(?:x[0-9]{40}|y)z", "(?:x[0-9]{40}|y)z"),
        ("x[0-9]{40}|y[0-9]{40}", "x[0-9]{40}|y[0-9]{40}"),
        ("a|x[0-9]{40}", "a|x[0-9]{40}"),
        (r"\([(|]{20}", r"\([(|]{12}"),
        ("x[0-9]{0,40}y", "x[0-9]{0,40}y"),
        ("[0-9a-f]{8}NRAL", "[0-9a-f]{8}NRAL"),
    ],
)
def test_an_expression_ends_at_its_first_long_repetition(whole: str, beginning: str) -> None:
    assert shortened(whole) == beginning


def test_where_a_whole_trigger_hits_its_beginning_does() -> None:
    for rule in RULES:
        text = "\n".join(made(sample).decode("latin-1") for sample in rule.samples)
        for found in re.finditer(rule.trigger, text) if rule.trigger else ():
            assert re.compile(shortened(rule.trigger)).match(text, found.start()), rule.id


def test_long_values_are_asked_for_only_where_every_rule_of_the_key_has_such() -> None:
    long_keys = {key for key, rest in COMMON_KEYS.items() if "]{16}" in rest}
    assert long_keys == {"secret", "token", "credential"}
    assert {rule.id for rule in RULES if long_keys & set(rule.keys)} == {"generic-secret"}


def test_what_does_not_count_in_binaries_is_not_looked_for_there() -> None:
    asked = {at for trigger in Automaton(RULES, text=False).triggers for at in trigger.rules}
    assert asked == {at for at, rule in enumerate(RULES) if rule.in_binaries}
    asked = {at for trigger in Automaton(RULES, text=True).triggers for at in trigger.rules}
    assert asked == set(range(len(RULES)))


@pytest.mark.property
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=30))
def test_hex_is_found_in_binaries_as_the_expression_has_it(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    number = next(at for at, one in enumerate(BINARIES.triggers) if one.telltale is HEX_RUN)
    told = sorted(start for start, trigger in BINARIES.hits(content, 1_000) if trigger == number)
    assert told == [found.start() for found in re.finditer(rb"(?=%s)" % HEX_RUN.encoded, content)]
