# SPDX-License-Identifier: Apache-2.0
"""The table of predicates: every type has a place, a page and, where it is ours, a schema that is the code's own."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import msgspec
import pytest

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import (
    BEHAVIOUR,
    COMMITS,
    PROVENANCE,
    PROVENANCE_02,
    REVIEW,
    SOURCE,
    TEST_RESULT,
    TEST_RESULTS,
    VSA,
    CommitSubject,
    PredicateType,
    Statement,
    Subject,
    parse_statement,
)
from tidegate.evidence.predicates.behaviour import Behaviour, read_behaviour
from tidegate.evidence.predicates.commits import CommitTrail, read_commit_trail
from tidegate.evidence.predicates.gist import MAX_CHARS, gist_of
from tidegate.evidence.predicates.kinds import KINDS, kind_of, kinds_of_type, may_come_from_others
from tidegate.evidence.predicates.provenance import read_provenance
from tidegate.evidence.predicates.review import Review, read_review
from tidegate.evidence.predicates.shown import predicate_bytes, show_statements
from tidegate.evidence.predicates.source import SourceProvenance, read_source
from tidegate.evidence.predicates.summary import read_summary
from tidegate.evidence.predicates.test_results import TestResult, TestResults, read_test_results
from tidegate.evidence.statement import RUNTIME_TRACE

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"
IMAGE = Digest.of(b"image")
COMMIT = "c" * 40
OURS: dict[PredicateType, type] = {
    SOURCE: SourceProvenance,
    COMMITS: CommitTrail,
    TEST_RESULTS: TestResults,
    REVIEW: Review,
    BEHAVIOUR: Behaviour,
}
SAID: dict[PredicateType, dict[str, Any]] = {
    SOURCE: {"repository": "https://host/a", "commit": COMMIT, "protection": {"ref": "main"}},
    COMMITS: {"repository": "", "base": "", "tip": COMMIT, "count": 1, "passed": True, "commits": []},
    TEST_RESULTS: {"result": "FAILED", "counts": {"failed": 1}, "failedTests": ["t"], "report": IMAGE},
    REVIEW: {"reviewer": "ann", "decision": "approved"},
    BEHAVIOUR: {"monitor": "m", "deviations": [{"kind": "exec", "what": "/bin/sh"}]},
}


def schema_of(kind: type) -> dict[str, Any]:
    def hook(type_: type) -> dict[str, Any]:
        assert type_ is Digest
        return {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$|^sha512:[0-9a-f]{128}$"}

    schema = msgspec.json.schema(kind, schema_hook=hook) | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    plain: dict[str, Any] = json.loads(json.dumps(schema))
    return plain


def schema_file(type_: PredicateType) -> Path:
    return (
        DOCS / "predicates" / f"{type_.removeprefix('https://tidegate.dev/predicates/').replace('/', '-')}.schema.json"
    )


@pytest.mark.parametrize("type_", OURS)
def test_each_form_of_our_own_has_its_schema(type_: PredicateType) -> None:
    schema = json.loads(schema_file(type_).read_text())
    assert schema == schema_of(OURS[type_]), "write the schema anew: python tests/evidence/test_predicate_kinds.py"
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(SAID[type_])
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"unrelated": 1})


def test_the_page_lists_every_type() -> None:
    page = (DOCS / "predicates.md").read_text(encoding="utf-8")
    for kind in KINDS.values():
        for type_ in kind.types:
            several = "several" if kind.several else "the newest"
            made = "anybody trusted" if kind.from_others else "tidegate"
            assert f"| `{type_}` | `{kind.name}` | {made} | {several} |" in page, type_
    for type_ in OURS:
        assert f"](predicates/{schema_file(type_).name})" in page


def test_a_summary_of_a_gate_is_no_summary_of_others() -> None:
    assert kind_of(VSA, {"tidegate.dev/boundary": "curation"}) == "vsa"
    assert not may_come_from_others(VSA, {"tidegate.dev/boundary": "curation"})
    assert kind_of(VSA, {"verifier": {"id": "x"}}) == "summaries"
    assert may_come_from_others(VSA, {})
    assert kinds_of_type(VSA) == ("vsa", "summaries")


def test_what_is_not_known_is_kept_byte_for_byte_and_shown_as_that() -> None:
    odd = b'{ "z":1.50, "a" : [1e2,{"\\u0041":18446744073709551616}],  "a2":null }'
    payload = b'{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":"%s"}}],' % (
        IMAGE.hex.encode()
    )
    payload += b'"predicateType":"https://example.com/odd/v9","predicate":' + odd + b"}"
    assert predicate_bytes(payload) == odd
    (shown,) = show_statements(payload, where="file")
    assert (shown.kind, shown.predicate.encode()) == ("", odd)
    assert shown.gist == "statement of a kind that is not known, kept as it came: https://example.com/odd/v9"
    assert kind_of(PredicateType("https://example.com/odd/v9"), {}) == "https://example.com/odd/v9"
    assert may_come_from_others(PredicateType("https://example.com/odd/v9"), {})


def test_a_gist_is_short_and_steers_no_terminal() -> None:
    hostile = {"reviewer": "\x1b[2J" + "x" * 1500, "decision": "approved"}
    said = gist_of(REVIEW, hostile)
    assert len(said) == MAX_CHARS
    assert "\x1b" not in said
    assert gist_of(REVIEW, {"decision": 5}).startswith("reviews that cannot be read")


def test_statements_speak_of_commits_too() -> None:
    statement = Statement(
        subjects=(Subject(name="image", digest=IMAGE),),
        predicate_type=SOURCE,
        predicate=SAID[SOURCE],
        commits=(CommitSubject(name="https://host/a", commit=COMMIT),),
    )
    assert parse_statement(statement.to_bytes()) == statement
    old = statement.to_bytes().replace(b"Statement/v1", b"Statement/v0.1")
    assert parse_statement(old) == statement
    for bad in (b'"gitCommit":"xyz"', b'"gitCommit":5', b'"sha1":"%s"' % COMMIT.encode()):
        with pytest.raises(InvalidInputError):
            parse_statement(statement.to_bytes().replace(b'"gitCommit":"%s"' % COMMIT.encode(), bad))
    many = b",".join([b'{"name":"","digest":{"gitCommit":"%s"}}' % COMMIT.encode()] * 10_001)
    whole = b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","predicate":{},"subject":[' + many + b"]}"
    with pytest.raises(BoundExceededError, match="MAX_SUBJECTS"):
        parse_statement(whole)


def test_old_provenance_is_read_like_the_new() -> None:
    old = {
        "builder": {"id": "https://builder"},
        "buildType": "https://type",
        "invocation": {"configSource": {"uri": "git+https://host/a@refs/heads/main", "digest": {"sha1": COMMIT}}},
        "metadata": {"buildInvocationID": "x", "buildInvocationId": "run", "buildStartedOn": "2026-01-01T00:00:00Z"},
        "materials": [{"uri": "pkg:docker/debian@12", "digest": {"sha256": "a" * 64}}],
    }
    found = read_provenance(PROVENANCE_02, old, where="x")
    assert (found.source.uri, found.source.ref, found.source.digest) == ("https://host/a", "refs/heads/main", COMMIT)
    assert (found.commits, found.invocation, len(found.materials)) == ((COMMIT,), "run", 1)
    with pytest.raises(InvalidInputError):
        read_provenance(PROVENANCE, old, where="x")
    for name in ("builder", "buildType"):
        with pytest.raises(InvalidInputError):
            read_provenance(PROVENANCE_02, {**old, name: {"id": ""} if name == "builder" else ""}, where="x")


def test_buildkit_tells_its_repository_in_either_version() -> None:
    vcs = {"vcs": {"source": "https://host/a.git", "revision": COMMIT + "-dirty"}}
    old = {
        "builder": {"id": "b"},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "metadata": {"https://mobyproject.org/buildkit@v1#metadata": vcs},
    }
    new = {
        "buildDefinition": {"buildType": "t"},
        "runDetails": {"builder": {"id": "b"}, "metadata": {"buildkit_metadata": vcs}},
    }
    for type_, predicate in ((PROVENANCE_02, old), (PROVENANCE, new)):
        found = read_provenance(type_, predicate, where="x")
        assert (found.source.uri, found.commits) == ("https://host/a.git", (COMMIT,))


def test_results_of_tests_in_in_totos_form() -> None:
    said = {
        "result": "FAILED",
        "configuration": [{"name": "ci.yml"}],
        "passedTests": ["a", "b"],
        "warnedTests": None,
        "failedTests": [f"t{n}" for n in range(250)],
    }
    found = read_test_results(TEST_RESULT, said, where="x")
    assert found.counts is not None
    assert (found.counts.passed, found.counts.failed, len(found.failed_tests), found.more_failed) == (2, 250, 200, 50)
    assert found.result is TestResult.FAILED


@pytest.mark.parametrize(
    "predicate",
    [
        {"result": "PASSED", "counts": {"failed": 1}},
        {"result": "WARNED", "counts": {"errors": 1}},
        {"result": "PASSED", "failedTests": ["t"]},
        {"result": "PASSED", "moreFailed": 1},
        {"result": "passed"},
        {"result": "PASSED", "counts": {"passed": -1}},
        {"result": "PASSED", "counts": {"passed": 2**60}},
        {"result": "FAILED", "failedTests": ["t"] * 201},
        {"result": "PASSED", "report": "sha256:x"},
        {"result": "PASSED", "tool": "x" * 2001},
        {},
    ],
)
def test_results_that_cannot_be_right_are_refused(predicate: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read_test_results(TEST_RESULTS, predicate, where="x")


@pytest.mark.parametrize(
    ("read", "predicate"),
    [
        (read_review, {"reviewer": "", "decision": "approved"}),
        (read_review, {"reviewer": "ann", "decision": "fine"}),
        (read_review, {"reviewer": "ann", "decision": "approved", "authors": ["x"] * 1001}),
        (read_source, {"repository": "r", "commit": "main"}),
        (read_source, {"repository": "", "commit": COMMIT}),
        (read_summary, {"verifier": {"id": "x"}}),
        (read_commit_trail, SAID[COMMITS] | {"rewritten": True}),
        (read_commit_trail, SAID[COMMITS] | {"problems": ["x"]}),
        (read_commit_trail, SAID[COMMITS] | {"failing": 1}),
        (read_commit_trail, SAID[COMMITS] | {"tip": "HEAD"}),
        (
            read_commit_trail,
            SAID[COMMITS]
            | {
                "commits": [
                    {"id": COMMIT, "author": "a", "committer": "a", "signature": "good", "problems": ["unreviewed"]}
                ]
            },
        ),
    ],
)
def test_statements_that_contradict_themselves_are_refused(read: Any, predicate: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(predicate, where="x")


def test_a_trace_is_read_as_behaviour() -> None:
    trace = {
        "monitor": {"type": "https://monitor"},
        "monitoredProcess": {},
        "monitorLog": {
            "process": [{"processBinary": "/bin/sh"}, {"other": 1}],
            "network": [{"hostname": "host", "ip": "::1", "port": 443}, {"ip": "10.0.0.1", "port": 53}],
        },
        "metadata": {"buildStartedOn": "2026-01-01T00:00:00Z"},
    }
    for type_ in RUNTIME_TRACE:
        found = read_behaviour(type_, trace, where="x")
        assert (found.processes, found.connections, found.events) == (("/bin/sh",), ("10.0.0.1:53", "host:443"), 4)


if __name__ == "__main__":
    for each, kind in OURS.items():
        schema_file(each).write_text(json.dumps(schema_of(kind), indent=1) + "\n")
