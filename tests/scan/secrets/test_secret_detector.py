# SPDX-License-Identifier: Apache-2.0
"""Many files at once give what each gives alone; nothing of a secret is kept; hostile files cannot hide others."""

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secret_samples import drawn, made

from tidegate.inventory import SecretFact
from tidegate.scan.secrets import detector as detector_module
from tidegate.scan.secrets.detector import FLOOD, MAX_FILE_BYTES, MAX_SECRETS_PER_FILE, SecretDetector
from tidegate.scan.secrets.rules import RULES

GITHUB = "ghp_<36:alnum>"
CHUNKS = [made(sample, f"chunk {rule.id}") for rule in RULES for sample in rule.samples]
DETECTOR = SecretDetector()


@pytest.mark.property
@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*CHUNKS, b"\n", b" ", b"\0", b"text " * 9]), max_size=6), max_size=8))
def test_a_batch_gives_what_each_file_gives_alone(drawing: list[list[bytes]]) -> None:
    files = [(f"f{i}", b"".join(parts)) for i, parts in enumerate(drawing)]
    alone = [fact for file in files for fact in DETECTOR.scan_batch([file])]
    assert DETECTOR.scan_batch(files) == alone


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CHUNKS), st.data())
def test_a_secret_cut_in_two_files_is_none(chunk: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(chunk) - 1))
    pieces = [("a", chunk[:cut]), ("b", chunk[cut:])]
    alone = [fact for piece in pieces for fact in DETECTOR.scan_batch([piece])]
    assert DETECTOR.scan_batch(pieces) == alone


def test_a_fact_tells_the_line_and_not_the_secret() -> None:
    secret = made(GITHUB)
    content = b"one\ntwo\nthree = '" + secret + b"'\nfour\n"
    facts = DETECTOR.scan_batch([("etc/app.conf", content)])
    assert facts == [
        SecretFact(
            rule="github-token",
            path="etc/app.conf",
            line=3,
            column=10,
            redacted="ghp_… (40 characters), its checksum does not fit",
            fingerprint=hashlib.sha256(b"github-token\0" + secret).hexdigest(),
        )
    ]


def test_the_same_secret_twice_in_a_file_is_told_once_two_are_two() -> None:
    one, two = made(GITHUB, "one"), made(GITHUB, "two")
    facts = DETECTOR.scan_batch([("f", one + b"\n" + two + b"\n" + one)])
    assert [fact.line for fact in facts] == [1, 2]
    assert len({fact.fingerprint for fact in facts}) == 2


def test_small_large_and_viewed_files_in_one_batch_come_in_order() -> None:
    names = ["small", "large", "view", "small too"]
    padding = {"large": 3 << 20, "view": 40 << 10}
    files = [(n, memoryview(b"x\n" * (padding.get(n, 0) // 2) + made(GITHUB, n))) for n in names]
    facts = DETECTOR.scan_batch(files)
    assert [fact.path for fact in facts] == names
    assert [fact.line for fact in facts] == [1 + padding.get(n, 0) // 2 for n in names]


def test_a_file_is_looked_at_up_to_its_bound_only() -> None:
    inside = b" " * (MAX_FILE_BYTES - 40) + made(GITHUB)
    outside = b" " * (MAX_FILE_BYTES - 39) + made(GITHUB)
    assert len(DETECTOR.scan_batch([("in", inside)])) == 1
    assert DETECTOR.scan_batch([("out", outside)]) == []


def test_many_secrets_in_one_file_end_in_a_flood() -> None:
    content = b"\n".join(made(GITHUB, str(i)) for i in range(MAX_SECRETS_PER_FILE + 50))
    facts = DETECTOR.scan_batch([("f", content)])
    assert len(facts) == MAX_SECRETS_PER_FILE + 1
    assert [fact.rule for fact in facts[-1:]] == [FLOOD]


@pytest.mark.parametrize("size", [16 << 10, 2 << 20])
def test_a_flood_of_false_hits_hides_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector_module, "MAX_HITS_PER_FILE", 1000)
    noise = b":_authToken=" * (size // 12)
    facts = SecretDetector().scan_batch([("noise", noise), ("app", made(GITHUB)), ("noise 2", noise)])
    told = {(fact.path, fact.rule) for fact in facts}
    assert told == {("noise", FLOOD), ("app", "github-token"), ("noise 2", FLOOD)}


def test_binaries_tell_tokens_but_not_what_they_carry_on_purpose() -> None:
    program = b"\x7fELF\0\0\0" + made(GITHUB) + b"\0" + made("AIza<35:alnum>")
    assert [fact.rule for fact in DETECTOR.scan_batch([("bin/app", program)])] == ["github-token"]


def test_random_bytes_and_text_hold_no_secret() -> None:
    noise = random.Random(7).randbytes(4 << 20)
    text = "\n".join(drawn("base64", 76, str(i)) for i in range(20_000)).encode()
    assert DETECTOR.scan_batch([("noise", noise), ("text", text)]) == []


def test_threads_share_one_detector() -> None:
    detector = SecretDetector()
    files = [[(f"{t}-{i}", b"text\n" * i + made(GITHUB, f"{t} {i}")) for i in range(200)] for t in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(detector.scan_batch, files))
    assert [[fact.path for fact in facts] for facts in found] == [[path for path, _ in batch] for batch in files]


def test_the_version_follows_the_rules() -> None:
    assert SecretDetector().version == SecretDetector().version
    assert SecretDetector(RULES[1:]).version != SecretDetector().version


def test_nothing_is_found_in_nothing() -> None:
    assert DETECTOR.scan_batch([]) == []
    assert DETECTOR.scan_batch([("empty", b""), ("view", memoryview(b""))]) == []
