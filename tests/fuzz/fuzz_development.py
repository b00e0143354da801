# SPDX-License-Identifier: Apache-2.0
"""What comes before the first gate: commits, signatures on them, reports of tests, statements, archives."""

import base64
import gzip
import hashlib
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fuzz_parser import Parser, clean_text_of, told
from fuzz_signing import CERTIFICATE

from tidegate.artifact import Digest
from tidegate.development.commits.allowed_signers import parse_allowed_signers, parse_revoked_keys
from tidegate.development.commits.ssh_signature import SshTrust, find_ssh_signature
from tidegate.development.commits.trailers import parse_trailers, people_in
from tidegate.development.commits.x509 import read_roots
from tidegate.development.fixes.mending import mend
from tidegate.development.folder.brought_by import asked_in
from tidegate.development.git.objects import Signed, parse_commit, parse_tag
from tidegate.development.intake.reading import read_tool_report
from tidegate.development.origin.archives import read_archives
from tidegate.development.origin.attestations import read_attestations
from tidegate.development.origin.direct_url import read_direct_url
from tidegate.development.origin.installed import read_installed
from tidegate.development.protection import read_protection
from tidegate.development.test_reports.reading import read_test_report
from tidegate.development.twelve_factor.judging import judge_tree
from tidegate.development.twelve_factor.tree import SourceTree
from tidegate.errors import RefusedError
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
    PredicateType,
)
from tidegate.evidence.predicates.gist import gist_of
from tidegate.evidence.predicates.shown import show_statements
from tidegate.evidence.statement import RUNTIME_TRACE
from tidegate.scan.catalogers.rpm_region import signed_region
from tidegate.signing.bundle import write_bundle
from tidegate.signing.keys import SigningKey
from tidegate.wire import from_json

_KEY = SigningKey.of(ec.derive_private_key(0x1234567, ec.SECP256R1()))
_BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0 " + b"k" * 32
_LINE = b"ssh-ed25519 " + base64.b64encode(_BLOB)
_PERSON = b"Ann <ann@example.com> 1780000000 +0000"
_APK_DATABASE = b"C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\nR:ld\n\nC:Q1abd=\nP:musl\nV:1\n"
_LOCKED: tuple[tuple[str, str, bytes], ...] = (
    ("package-lock.json", "json", b'{"packages": {"": {"dependencies": {"a": "1"}}, "node_modules/a": {}}}'),
    ("Cargo.lock", "text", b'[[package]]\nname = "a"\nversion = "1"\ndependencies = ["b 1"]\n'),
    ("composer.lock", "json", b'{"packages": [{"name": "a/b", "require": {"c/d": "1"}}]}'),
    ("Gemfile.lock", "text", b"GEM\n  specs:\n    a (1)\n      b\n\nDEPENDENCIES\n  a\n"),
    ("go.mod", "text", b"require a.b/c v1.0.0 // indirect\n"),
)
_REGION = (
    struct.pack(">II", 3, 40)
    + struct.pack(">IIIIIIIIIIII", 63, 7, 0, 16, 268, 7, 16, 4, 278, 8, 20, 2)
    + struct.pack(">IIiI", 63, 7, -16, 16)
    + b"\x88\x01\x02\x03eA==\0eQ==\0"
    + bytes(10)
)
_COMMIT = (
    b"tree " + b"a" * 40 + b"\nparent " + b"b" * 40 + b"\nauthor " + _PERSON + b"\ncommitter " + _PERSON
    + b"\ngpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n\ntitle\n\nReviewed-by: B <b@c>\n"
)  # fmt: skip
_TAG = (
    b"object " + b"a" * 40 + b"\ntype commit\ntag v1\ntagger " + _PERSON + b"\n\nm\n-----BEGIN SSH SIGNATURE-----\nA\n"
)
_SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "t", "rules": [{"id": "R", "defaultConfiguration": {"level": "error"}}]}},
            "results": [{"ruleId": "R", "level": "note", "suppressions": [{"status": "accepted"}]}],
            "invocations": [{"executionSuccessful": True}],
        }
    ],
}
_SIGNATURE = b"SSHSIG\0\0\0\x01" + b"".join(
    len(part).to_bytes(4, "big") + part
    for part in (_BLOB, b"git", b"", b"sha512", b"\0\0\0\x0bssh-ed25519\0\0\0@" + b"s" * 64)
)
_PREDICATES: dict[PredicateType, Any] = {
    SOURCE: {"repository": "r", "commit": "c" * 40, "protection": {"ref": "main", "requiredReviews": 1}},
    COMMITS: {"repository": "", "base": "", "tip": "c" * 40, "count": 1, "passed": True, "commits": []},
    TEST_RESULTS: {"result": "FAILED", "counts": {"failed": 1}, "failedTests": ["t"]},
    TEST_RESULT: {"result": "PASSED", "configuration": [{"name": "a"}], "passedTests": ["t"]},
    REVIEW: {"reviewer": "ann", "decision": "approved", "authors": ["b"]},
    BEHAVIOUR: {"monitor": "m", "deviations": [{"kind": "exec", "what": "x"}]},
    RUNTIME_TRACE[0]: {"monitor": {"type": "m"}, "monitorLog": {"network": [{"ip": "::1", "port": 1}]}},
    VSA: {
        "verifier": {"id": "v"}, "resourceUri": "r", "policy": {}, "verificationResult": "PASSED", "verifiedLevels": [],
    },
    PROVENANCE: {
        "buildDefinition": {"buildType": "t", "resolvedDependencies": [{"uri": "git+a", "digest": {"sha1": "c"}}]},
        "runDetails": {"builder": {"id": "b"}, "metadata": {"buildkit_metadata": {"vcs": {"source": "a"}}}},
    },
    PROVENANCE_02: {"builder": {"id": "b"}, "buildType": "t", "invocation": {"configSource": {"uri": "a"}}},
}  # fmt: skip
_REPORTS: dict[str, Any] = {
    "sarif": {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "T",
                        "rules": [{"id": "R", "guid": "G", "messageStrings": {"m": {"text": "{0}"}}}],
                    },
                    "extensions": [{"name": "E", "rules": []}],
                },
                "originalUriBaseIds": {"B": {"uri": "a/", "uriBaseId": "B"}},
                "artifacts": [{"location": {"uri": "file:///a%20b"}}],
                "results": [
                    {
                        "ruleId": "R/x", "rule": {"guid": "G", "index": 0, "toolComponent": {"index": 0}},
                        "message": {"id": "m", "arguments": ["a"]},
                        "taxa": [{"id": "1", "toolComponent": {"name": "CWE"}}],
                        "locations": [{"physicalLocation": {"artifactLocation": {"index": 0, "uriBaseId": "B"}}}],
                    }
                ],
            }
        ],
    },
    "zap": {"@programName": "ZAP", "site": [{"@name": "s", "alerts": [{"riskcode": "1", "desc": "<p>a</p>"}]}]},
    "bandit": {
        "generated_at": "t",
        "results": [{"test_id": "B1", "issue_cwe": {"id": 1}, "code": "1 a", "line_number": 1}],
    },
}  # fmt: skip
_MENDED = {
    "dockerfile": b"FROM node:20\nRUN apt-get install a \\\n # b\n && pip install c; apk add d\nCMD node 'a b'\n",
    "manifest": (
        b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n    - name: a\n      image: b:1\n"
        b"      securityContext:\n        # c\n        capabilities:\n          add: [A]\n"
    ),
}
_GUARDED = {
    "Dockerfile": b"FROM a:1\nRUN pip install a && npm i\nEXPOSE 80\nENV DEBUG=1\nVOLUME /var/log\n"
    b"CMD nginx & flask run -p 81\n",
    "entrypoint.sh": b"#!/bin/sh\ncat <<E\nE\nnpm install \\\n  && alembic upgrade head\nnginx &\nnode a.js >> a.log\n",
    "compose.yaml": b"services:\n  a: {build: ., command: [a], volumes: ['/a:/var/log'], "
    b"labels: [a=true], stop_signal: 9}\n",
    "k.yaml": b"apiVersion: v1\nkind: Pod\n"
    b"spec: {terminationGracePeriodSeconds: 0, containers: [{image: 'redis:6', args: [a]}]}\n",
    "app.js": b"const a = require('b')\nimport c from '@d/e'\napp.listen(80)\nconst f = 'postgres://a:b@c/d'\n",
    "settings.py": b"import yaml\nSECRET_KEY = 'abcdefghijkl'\nlogging.FileHandler('a')\n"
    b"app.run(host='127.0.0.1', port=80)\n",
    ".env": b"export DB_PASSWORD='abcd1234'\nA=b\n",
    "package.json": b'{"dependencies": {"a": "1"}, "name": "b"}',
}


def development() -> Iterator[Parser]:
    """One parser for each form."""
    yield _json(
        "git-protection",
        lambda data: read_protection(data, ref="main", where="f"),
        {"required_pull_request_reviews": {"required_approving_review_count": 1}, "allow_force_pushes": {}},
        {"push_access_levels": [{"access_level": 40}], "allow_force_push": False},
        {"forcePushBlocked": True},
    )
    yield Parser(name="git-commit", form="text", read=lambda data: told(_named("commit", data)), samples=(_COMMIT,))
    yield Parser(name="git-tag", form="text", read=lambda data: told(_named("tag", data)), samples=(_TAG,))
    yield Parser(name="commit-trailers", form="text", read=_trailers, samples=(b"t\n\nReviewed-by: A <a@b>\n c\n",))
    signers = (b'a@b,!c@d namespaces="git",valid-before="20270101" ' + _LINE, b"a@b cert-authority " + _LINE)
    yield Parser(name="allowed-signers", form="text", read=_signers, samples=signers)
    yield Parser(name="revoked-ssh-keys", form="text", read=_revoked, samples=(_LINE, b"SHA256:abc"))
    armoured = b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(_SIGNATURE) + b"\n-----END SSH SIGNATURE-----"
    yield Parser(name="ssh-signature", form="text", read=_ssh, samples=(armoured,))
    yield Parser(name="ssh-signature-wire", form="binary", read=_ssh_wire, samples=(_SIGNATURE,))
    yield Parser(
        name="x509-roots", form="text", read=lambda data: _quiet(read_roots(data, where="f")), samples=(CERTIFICATE,)
    )
    yield Parser(
        name="junit-report",
        form="xml",
        read=lambda data: told(read_test_report(data, where="f", form="junit")),
        samples=(b'<testsuites><testsuite name="s"><testcase name="a"><failure/></testcase></testsuite></testsuites>',),
    )
    yield _json("sarif-report", lambda data: told(read_test_report(data, where="f")), _SARIF)
    for form, report in _REPORTS.items():
        yield _json(f"tool-report-{form}", lambda data: told(read_tool_report(data, where="f")), report)
    yield Parser(
        name="tool-report-junit",
        form="xml",
        read=lambda data: told(read_tool_report(data, where="f")),
        samples=(
            b'<testsuite name="s"><testcase name="a" file="b"><failure>c.py:1: d</failure></testcase></testsuite>',
        ),
    )
    for kind, document in _MENDED.items():
        yield Parser(name=f"mended-{kind}", form="text", read=_mended(kind), samples=(document,))
    for name, sample in _GUARDED.items():
        safe = name.strip(".").replace(".", "-").lower()
        yield Parser(name=f"guardrails-{safe}", form="text", read=_guarded(name), samples=(sample,))
    for type_, predicate in _PREDICATES.items():
        name = "predicate-" + type_.removeprefix("https://").replace(".", "-").replace("/", "-").replace("_", "-")
        yield _json(name, _predicate(type_), predicate)
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "predicate": {"a": 1.5}}
    about = {"subject": [{"name": "a", "digest": {"gitCommit": "c" * 40}}]}
    yield _json("shown-statement", lambda data: told(show_statements(data, where="f")), statement | about)
    payload = json.dumps(statement | {"subject": [{"name": "a", "digest": {"sha512": "ab" * 64}}]}).encode()
    bundle = json.loads(write_bundle(payload, _KEY))
    yield _json(
        "registry-attestation",
        lambda data: _quiet(read_attestations(data, where="f")),
        {"attestations": [{"bundle": bundle}]},
    )
    yield Parser(name="archive-index", form="binary", read=_archive, samples=(gzip.compress(b"x"), b"Package: a\n"))
    yield _json(
        "direct-url",
        lambda data: told(read_direct_url(data, where="f")),
        {"url": "u", "archive_info": {"hashes": {"sha256": "a" * 64}, "hash": "sha256=" + "b" * 64}},
    )
    for name, form, sample in _LOCKED:
        safe = name.lower().replace(".", "-")
        yield Parser(name=f"asked-in-{safe}", form=form, read=_asked(name), samples=(sample,))
    yield Parser(name="apk-checksums", form="text", read=_apk_checksums, samples=(_APK_DATABASE,))
    yield Parser(name="rpm-signed-region", form="binary", read=_region, samples=(_REGION,))


def _asked(name: str) -> Callable[[bytes], object]:
    return lambda data: told(sorted(asked_in(name, lambda path: data if path == name else b"").ways))


def _mended(kind: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        made = mend(data, path="f", kind=kind, resolve=lambda _: Digest.of(b""))
        return told([it.check for it in made.done])

    return read


def _guarded(name: str) -> Callable[[bytes], object]:
    """The file and a Dockerfile that starts it, so that every guardrail looks at it."""
    files = {
        "Dockerfile": b'FROM a:1\nCOPY . .\nENTRYPOINT ["/entrypoint.sh"]\n',
        "package.json": b"{}",
        "setup.cfg": b"",
    }

    def read(data: bytes) -> object:
        tree = files | {name: data}
        return told([it.id for it in judge_tree(SourceTree(tree, tree.__getitem__))])

    return read


def _json(name: str, read: Callable[[bytes], object], *samples: Any) -> Parser:
    return Parser(name=name, form="json", read=read, samples=tuple(json.dumps(it).encode() for it in samples))


def _named(kind: str, data: bytes) -> object:
    """As whoever made the object would name it: its content is what is fuzzed, not its digest."""
    name = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()
    return parse_commit(data, name=name) if kind == "commit" else parse_tag(data, name=name)


def _trailers(data: bytes) -> object:
    text = clean_text_of(data)
    return told((parse_trailers(text), people_in(text)))


def _signers(data: bytes) -> object:
    return [(it.key, it.signs_for("a@b"), it.is_valid(0)) for it in parse_allowed_signers(data, where="f")]


def _revoked(data: bytes) -> object:
    return told(sorted(parse_revoked_keys(data, where="f")))


def _ssh(data: bytes) -> object:
    return told(find_ssh_signature(Signed(payload=b"x", signature=data), SshTrust(), at=0))


def _ssh_wire(data: bytes) -> object:
    return _ssh(b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(data) + b"\n-----END SSH SIGNATURE-----")


def _predicate(type_: PredicateType) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        return gist_of(type_, from_json(data, dict[str, Any], what="f", max_bytes=1 << 20))

    return read


def _archive(data: bytes) -> object:
    try:
        return read_archives([("f", data)], openpgp=b"", rsa_keys=[], at=None)
    except RefusedError:
        return None  # read, and by nobody trusted


def _apk_checksums(data: bytes) -> object:
    found = read_installed({}, {"f": data}, openpgp=b"").apk
    return told([(*package, *sorted(sums)) for package, sums in found.items()])


def _region(data: bytes) -> object:
    found = signed_region(data)
    return told((found.sha256, found.sha1, found.added, [it.hex() for it in found.signatures]))


def _quiet(_value: object) -> object:
    """What is read holds keys, which have no JSON form."""
    return None
