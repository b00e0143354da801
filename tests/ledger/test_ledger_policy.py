# SPDX-License-Identifier: Apache-2.0
"""Policies as C2SP tlog-policy writes them: what is met by whom, and every line that is wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError, RefusedError
from tidegate.ledger import Checkpoint, NoteSigner, sign_checkpoint
from tidegate.ledger.cosignature import Cosigner
from tidegate.ledger.policy import LogPolicy, parse_policy

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LOG = NoteSigner.from_seed("log.example/a", bytes(32))
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
WITNESSES = {
    name: Cosigner.from_seed(f"{name.lower()}.example/w", bytes([at]) * 32) for at, name in enumerate(NAMES, 1)
}
LINES = "".join(f"witness {name} {cosigner.key}\n" for name, cosigner in WITNESSES.items())
EXAMPLE = f"""
# the specification's own example
log {LOG.verifier}

{LINES}
\tgroup X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1   Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def parse(text: str) -> LogPolicy:
    return parse_policy(text.encode(), where="policy")


def note(*names: str, size: int = 5, at: datetime = NOW) -> str:
    signed = sign_checkpoint(Checkpoint(origin=LOG.name, size=size, root=bytes(32)), LOG)
    text = signed.partition("\n\n")[0] + "\n"
    return signed + "".join(WITNESSES[name].cosign(text, at) for name in names)


@given(st.sets(st.sampled_from(NAMES)))
def test_the_example_is_met_by_two_and_one(names: set[str]) -> None:
    policy = parse(EXAMPLE)
    expected = len(names & {"X1", "X2", "X3"}) >= 2 and bool(names & {"Y1", "Y2", "Y3"})
    assert policy.is_met(names) == expected
    if expected:
        accepted = policy.accept(note(*names), NOW)
        assert (accepted.checkpoint.size, accepted.key) == (5, LOG.verifier)
        assert accepted.witnesses == dict.fromkeys(names, NOW)
    else:
        with pytest.raises(RefusedError, match="not the quorum X-and-Y"):
            policy.accept(note(*names), NOW)


def test_without_witnesses_the_logs_signature_is_enough() -> None:
    policy = parse(f"log {LOG.verifier} https://log.example/a\nquorum none\n")
    assert policy.logs[0].url == "https://log.example/a"
    assert policy.accept(note(), NOW).witnesses == {}
    other = NoteSigner.generate(LOG.name)
    with pytest.raises(RefusedError, match="not signed by a known key"):
        policy.accept(sign_checkpoint(Checkpoint(origin=LOG.name, size=1, root=bytes(32)), other), NOW)


def test_a_witness_is_no_log() -> None:
    """A checkpoint that carries cosignatures alone is nobody's."""
    policy = parse(EXAMPLE)
    signed = note("X1", "X2", "Y1")
    head, _, tail = signed.partition("\n\n")
    with pytest.raises(RefusedError, match="not signed by a known key"):
        policy.accept(head + "\n\n" + tail.partition("\n")[2], NOW)


def test_cosignatures_of_the_future_and_forged_ones() -> None:
    policy = parse(EXAMPLE)
    assert len(policy.accept(note("X1", "X2", "Y1", at=NOW + timedelta(minutes=4)), NOW).witnesses) == 3
    with pytest.raises(RefusedError, match="no known witness"):
        policy.accept(note("X1", "X2", "Y1", at=NOW + timedelta(minutes=6)), NOW)
    moved = note("X1", "X2") + note("Y1", size=6).rpartition("\n\n")[2].partition("\n")[2]
    with pytest.raises(RefusedError, match="does not hold"):
        policy.accept(moved, NOW)
    twice = note("X1", "X1", "Y1")
    with pytest.raises(RefusedError, match="not the quorum"):
        policy.accept(twice, NOW)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no quorum"),
        ("quorum none\nquorum none\n", "one quorum line"),
        ("quorum X1\n", "no witness or group above"),
        (f"quorum X1\n{LINES}", "no witness or group above"),
        (f"{LINES}group g 0 X1\nquorum g\n", "threshold from 1 to 1"),
        (f"{LINES}group g 3 X1 X2\nquorum g\n", "threshold from 1 to 2"),
        (f"{LINES}group g 01 X1 X2\nquorum g\n", "threshold"),
        (f"{LINES}group g any\nquorum g\n", "wants group"),
        (f"{LINES}group g any none\nquorum g\n", "no witness or group above"),
        (f"{LINES}group g any X1 X1\nquorum g\n", "in a group already"),
        (f"{LINES}group g any X1\ngroup h any X1\nquorum h\n", "in a group already"),
        (f"{LINES}group X1 any X2\nquorum X1\n", "is taken"),
        (f"{LINES}group g any g\nquorum g\n", "no witness or group above"),
        (f"witness none {WITNESSES['X1'].key}\nquorum none\n", "is taken"),
        (f"{LINES}{LINES}quorum none\n", "stands in it twice"),
        (f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none\n", "stands in it twice"),
        (f"witness a {LOG.verifier}\nquorum a\n", "no witness's key"),
        (f"log {LOG.verifier} url more\nquorum none\n", "wants log"),
        ("log nothing\nquorum none\n", "policy:1"),
        ("wittness a b\nquorum none\n", "no such line"),
        ("quorum none\r\n", "control characters"),
        ("quorum\x00none\n", "control characters"),
    ],
)
def test_every_line_that_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        parse(text)


def test_octets_above_127_are_opaque() -> None:
    raw = b"# caf\xe9\nwitness \xe2\x84\xaa " + str(WITNESSES["X1"].key).encode() + b"\nquorum \xe2\x84\xaa"
    assert parse_policy(raw, where="policy").is_met({"\u212a"})
    with pytest.raises(InvalidInputError, match="no witness or group above"):
        parse_policy(raw.replace(b"quorum \xe2\x84\xaa", b"quorum K"), where="policy")
