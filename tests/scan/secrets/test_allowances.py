# SPDX-License-Identifier: Apache-2.0
"""Gitleaks' files read as they are: who is silenced, who said so, what was in vain, and what could not be read."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secret_samples import made

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.evidence import InVain, SaidIn
from tidegate.inventory import LocatedSecret, SecretFact
from tidegate.scan.secrets.allowances import apply_allowances, read_baseline, read_gitleaksignore, written_baseline
from tidegate.scan.secrets.detector import SecretDetector
from tidegate.scan.secrets.gitleaks_config import GitleaksConfig, read_gitleaks_config
from tidegate.scan.secrets.go_regex import python_regex
from tidegate.scan.secrets.rules import RULES
from tidegate.values import replace

LAYER = Digest("sha256:" + "0" * 64)
SECRET = made("ghp_<36:alnum>")
COMMIT = "c" * 40


def located(content: bytes, path: str = "src/app.py", commit: str = "") -> list[LocatedSecret]:
    facts = SecretDetector().scan_batch([(path, content)])
    return [LocatedSecret(secret=replace(fact, commit=commit), layer=LAYER) for fact in facts]


FOUND = located(b"\n\ntoken = '" + SECRET + b"'\n")


@pytest.mark.parametrize(
    ("entry", "commit", "is_heard"),
    [
        ("src/app.py:github-pat:3", "", True),
        ("src/app.py:github-token:3  # ours", "", True),
        ("src/app.py:a-rule-of-theirs:3", "", True),
        ("src/app.py:aws-access-token:3", "", False),
        ("src/app.py:github-pat:4", "", False),
        ("src/other.py:github-pat:3", "", False),
        (f"{COMMIT}:src/app.py:github-pat:3", COMMIT, True),
        (f"{COMMIT}:src/app.py:github-pat:3", "d" * 40, False),
        (f"{COMMIT}:src/app.py:github-pat:3", "", False),
    ],
)
def test_an_ignore_file_is_heard(entry: str, commit: str, is_heard: bool) -> None:
    allowances, malformed = read_gitleaksignore(f"# a comment\n\n{entry}\n")
    secrets = [LocatedSecret(secret=replace(one.secret, commit=commit), layer=LAYER) for one in FOUND]
    kept, suppressed, idle = apply_allowances(secrets, allowances)
    assert malformed == []
    assert (len(kept), len(suppressed), len(idle)) == ((0, 1, 0) if is_heard else (1, 0, 1))
    for one in suppressed:
        assert (one.by.said_in, one.by.source) == (SaidIn.GITLEAKSIGNORE, ".gitleaksignore:3")
    for word in idle:
        assert word.why is InVain.UNUSED


def test_a_malformed_line_is_told() -> None:
    allowances, malformed = read_gitleaksignore("no fingerprint\na:b:c\n")
    assert allowances == []
    assert [(one.word.source, one.why) for one in malformed] == [
        (".gitleaksignore:1", InVain.MALFORMED),
        (".gitleaksignore:2", InVain.MALFORMED),
    ]


@pytest.mark.parametrize("comment", ["gitleaks:allow", "tidegate:allow"])
def test_a_comment_on_the_line_allows(comment: str) -> None:
    kept, suppressed, _ = apply_allowances(located(b"t = '" + SECRET + f"'  # {comment}\n".encode()), ())
    assert kept == ()
    assert [(one.by.said_in, one.by.id, one.by.source) for one in suppressed] == [
        (SaidIn.INLINE, comment, "src/app.py:1")
    ]
    beside = located(f"# {comment}\n".encode() + b"t = '" + SECRET + b"'\n")
    assert len(apply_allowances(beside, ())[0]) == 1


def test_a_baseline_of_ours_silences_what_it_holds_and_holds_no_secret() -> None:
    raw = written_baseline(FOUND)
    assert SECRET not in raw
    moved = located(b"token = '" + SECRET + b"'\n", "elsewhere.py")
    new = located(made("npm_<36:alnum>"))
    kept, suppressed, idle = apply_allowances([*moved, *new], read_baseline(raw, where="b.json"))
    assert [one.secret.rule for one in kept] == ["npm-token"]
    assert [one.by.said_in for one in suppressed] == [SaidIn.BASELINE]
    assert idle == ()


@pytest.mark.parametrize("redacted", [True, False])
def test_a_baseline_of_gitleaks_silences_what_it_holds(redacted: bool) -> None:
    entry = {
        "RuleID": "github-pat",
        "StartLine": 3 if redacted else 99,
        "File": "src/app.py",
        "Commit": "",
        "Secret": "REDACTED" if redacted else SECRET.decode(),
        "Fingerprint": "src/app.py:github-pat:3",
    }
    kept, suppressed, _ = apply_allowances(FOUND, read_baseline(json.dumps([entry]).encode(), where="gl.json"))
    assert (len(kept), len(suppressed)) == (0, 1)


def test_what_is_no_baseline_is_refused() -> None:
    for raw in (b"{}", b"3", b"{", b'"a"', b"[" * 100_000):
        with pytest.raises(InvalidInputError):
            read_baseline(raw, where="b")


CONFIG = rb"""
title = "ours"
[extend]
useDefault = true
disabledRules = ["npm-access-token"]
[[rules]]
id = "house-key"
description = "A key of this house"
regex = '''(?i)house[_-]key['"]?\s*[=:]\s*['"]?(HK(?-i:[A-Z]{4})-[[:alnum:]]{12})'''
secretGroup = 1
entropy = 2.0
keywords = ["house_key", "house-key"]
  [[rules.allowlists]]
  regexes = ['''ZZZZ''']
[[rules]]
id = "unreadable"
regex = '''\p{Greek}+'''
keywords = ["alpha"]
[[rules]]
id = "by-path"
path = '''\.p12$'''
[[allowlists]]
description = "tests"
condition = "AND"
paths = ['''^tests/''']
stopwords = ["fixture"]
[allowlist]
paths = ['''(^|/)vendor/''']
regexes = ['''AKIA[A-Z]{3}A''']
commits = ["dddddddddddddddddddddddddddddddddddddddd"]
"""


@pytest.fixture(scope="module")
def config() -> GitleaksConfig:
    return read_gitleaks_config(CONFIG)


@pytest.fixture(scope="module")
def by_config(config: GitleaksConfig) -> SecretDetector:
    return SecretDetector(config.applied_to(RULES), config.allowlists)


def seen(detector: SecretDetector, path: str, content: bytes) -> list[tuple[str, bool]]:
    return [(fact.rule, bool(fact.allowed)) for fact in detector.scan_batch([(path, content)])]


def test_rules_of_ones_own_are_found_and_switched_off_ones_are_not(by_config: SecretDetector) -> None:
    key = made("HKABCD-<12:alnum>")
    assert seen(by_config, "a.env", b"HOUSE_KEY=" + key) == [("house-key", False)]
    assert seen(by_config, "a.env", b"x: 1\nHouse-Key: '" + key + b"'\nmore") == [("house-key", False)]
    assert seen(by_config, "a.env", b"HOUSE_KEY=" + key.lower()) == []
    assert seen(by_config, "a.env", b"HOUSE_KEY=HKZZZZ-" + key[7:]) == [("house-key", True)]
    assert seen(by_config, "a.env", b"KEY=" + key) == []
    assert seen(by_config, "a.env", made("npm_<36:alnum>")) == []


def test_allow_lists_are_heard(by_config: SecretDetector, config: GitleaksConfig) -> None:
    assert seen(by_config, "vendor/a.py", SECRET) == [("github-token", True)]
    assert seen(by_config, "tests/a.py", SECRET) == [("github-token", False)]  # AND: a stop word is missing
    assert seen(by_config, "src/a.py", SECRET) == [("github-token", False)]
    facts = by_config.scan_batch([("vendor/a.py", SECRET)])
    _, suppressed, _ = apply_allowances([LocatedSecret(secret=facts[0], layer=LAYER)], ())
    assert suppressed[0].by.id == ".gitleaks.toml: allowlist 2"
    kept, by_commit, _ = apply_allowances(located(SECRET, commit="d" * 40), (), config.allowlists)
    assert (len(kept), len(by_commit)) == (0, 1)


def test_what_cannot_be_read_is_told(config: GitleaksConfig) -> None:
    assert [outcome.reason.partition(":")[0] for outcome in config.unread] == ["rule unreadable", "rule by-path"]


def test_an_allow_list_changes_the_version(config: GitleaksConfig) -> None:
    assert SecretDetector(RULES, config.allowlists).version != SecretDetector().version


@pytest.mark.parametrize(
    ("expression", "yes", "no"),
    [
        (r"a(?i)b", b"aB", b"AB"),
        (r"(a(?i)b)c", b"aBc", b"aBC"),
        (r"(?i)a(?-i:B)", b"AB", b"Ab"),
        (r"[[:alpha:]_]+\z", b"ab_", b"ab_1"),
        (r"\x{41}[)(?i)]", b"A(", b"Ax"),
    ],
)
def test_expressions_of_go_mean_the_same(expression: str, yes: bytes, no: bytes) -> None:
    token = python_regex(expression)
    assert token.search(yes)
    assert not token.search(no)


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab(?i-:)[^]\\zpQE{},1*+|$.<>P"), max_size=24))
def test_any_expression_is_read_or_refused(expression: str) -> None:
    with contextlib.suppress(InvalidInputError):
        python_regex(expression)


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for read in (read_gitleaks_config, lambda it: read_baseline(it, where="b")):
        with contextlib.suppress(InvalidInputError):
            read(raw)
    read_gitleaksignore(raw.decode("latin-1"))


def test_facts_hold_no_secret() -> None:
    fact: SecretFact = FOUND[0].secret
    assert SECRET.decode() not in repr(fact)


def test_an_expression_that_nobody_named_cannot_run_for_ever() -> None:
    evil = r"(a|aa)+$"
    raw = f"[allowlist]\npaths = ['''^docs/''']\nregexes = ['''{evil}''', '''(?i)NOT-A-SECRET''']\n".encode()
    config = read_gitleaks_config(raw, is_trusted=False)
    assert config.unread == ()
    (allowed,) = config.allowlists
    endless = made("ghp_<36:alnum>") + b"a" * 5000 + b"!"
    assert not any(pattern.search(endless) for pattern in allowed.regexes)
    assert [bool(pattern.search(b"this is not-a-secret")) for pattern in allowed.regexes] == [False, True]
    detector = SecretDetector(RULES, config.allowlists)
    line = b"token = '" + SECRET + b"'\n"
    told = {path: detector.scan_batch([(path, line)])[0].allowed for path in ("docs/x", "src/x")}
    assert told == {"docs/x": ".gitleaks.toml: allowlist 1", "src/x": ""}
    assert detector.version != SecretDetector(RULES).version


def test_rules_that_nobody_named_are_not_taken_and_that_is_told() -> None:
    raw = b"[[rules]]\nid = 'ours'\nregex = '''tide-[0-9]{8}'''\nkeywords = ['tide-']\n"
    assert [rule.id for rule in read_gitleaks_config(raw).rules] == ["ours"]
    config = read_gitleaks_config(raw, is_trusted=False)
    assert config.rules == ()
    assert ["--gitleaks-config" in outcome.reason for outcome in config.unread] == [True]
    back = read_gitleaks_config(b"[allowlist]\nregexes = ['''(a)\\1''']\n", is_trusted=False)
    assert back.allowlists == ()
    assert len(back.unread) == 1
