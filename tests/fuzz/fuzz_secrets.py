# SPDX-License-Identifier: Apache-2.0
"""What reads secrets out of anything, and what says which of them are meant to be there."""

import base64
import gzip
import json
import marshal
import tarfile
import tempfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import fuzz_paths  # noqa: F401 - makes the samples below importable
from fuzz_parser import Parser, clean_text_of, text_of, told
from installed_samples import zipped
from secret_samples import made

from tidegate.artifact import parse_image_config
from tidegate.scan.git_history import secrets_in_history
from tidegate.scan.secrets.allowances import read_baseline, read_gitleaksignore
from tidegate.scan.secrets.archives import Budget, members
from tidegate.scan.secrets.compiled_python import strings_near
from tidegate.scan.secrets.detector import SecretDetector
from tidegate.scan.secrets.gitleaks_config import read_gitleaks_config
from tidegate.scan.secrets.go_regex import python_regex
from tidegate.scan.secrets.image_config import secrets_in_config
from tidegate.scan.secrets.keystore import key_store
from tidegate.scan.secrets.openpgp import is_guarded
from tidegate.scan.secrets.rules import RULES
from tidegate.scan.secrets.utf16 import text_of as utf16_text

_PIECE = 4096
_CONFIG = b"""\
title = "ours"
[extend]
useDefault = true
disabledRules = ["generic-api-key"]
[[rules]]
id = "ours"
description = "d"
regex = '''(?i)ours_([a-z0-9]{8,20})'''
secretGroup = 1
entropy = 2.5
keywords = ["ours_"]
[[rules.allowlists]]
condition = "AND"
regexes = ['''x{1,3}''']
paths = ['''(^|/)t/''']
[allowlist]
stopwords = ["example"]
commits = ["abc"]
"""
_REPORT = [
    {"RuleID": "aws-access-token", "File": "a", "StartLine": 3, "Commit": "c" * 40, "Secret": "x", "Fingerprint": "y"}
]
_BASELINE = {"secrets": [{"fingerprint": "ab" * 32, "rule": "r", "path": "p", "line": 1, "commit": ""}]}
_IMAGE = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["TOKEN=" + "ghp_" + "a1B2" * 9], "Labels": {"a": "b"}},
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [{"created_by": "RUN export AWS_SECRET=x"}],
    }
).encode()


def secrets() -> Iterator[Parser]:
    """One parser for each way secrets are read, and each file that speaks of them."""
    texts = _texts()
    yield Parser(name="secrets", form="text", read=_found, samples=texts)
    yield Parser(name="secrets-in-pieces", form="text", read=_found_in_pieces, samples=texts[:6])
    yield Parser(name="secrets-in-archives", form="zip", read=_found, samples=_archives(texts))
    yield Parser(name="secrets-in-image-config", form="json", read=_of_config, samples=(_IMAGE,))
    yield Parser(name="secret-archive", form="gzip", read=_members, samples=_archives(texts))
    yield Parser(name="compiled-python", form="binary", read=_strings_everywhere, samples=(_compiled(),))
    yield Parser(
        name="openpgp",
        form="binary",
        read=is_guarded,
        samples=(b"\x95\x01\x05\x04" + b"a" * 60, b"\xc5\xff\0\0\0\x09\x04aaaa\x16\x09"),
    )
    yield Parser(
        name="key-store", form="binary", read=key_store, samples=(_KEY_STORE, b"0\x82\x01\x10\x02\x01\x03" + b"0" * 40)
    )
    yield Parser(
        name="utf-16", form="binary", read=utf16_text, samples=("key = 'öx'\n".encode("utf-16"), b"\xfe\xff\0a\0b")
    )
    yield Parser(name="gitleaks-config", form="toml", read=_gitleaks, samples=(_CONFIG,))
    yield Parser(
        name="gitleaks-ignore",
        form="text",
        read=_ignore,
        samples=(b"a/b:rule:3\n" + b"c" * 40 + b":a:rule:4 # why\nx\n",),
    )
    yield Parser(
        name="baseline",
        form="json",
        read=_baseline,
        samples=(json.dumps(_REPORT).encode(), json.dumps(_BASELINE).encode()),
    )
    regexes = (rb"(?i)a[[:alpha:]]{2,4}\z(?-i:b)|\x{41}", rb"\Qa.b\E[^\]]+(?P<n>c)?", rb"(a(?i)b|c)(?s:.)*?")
    yield Parser(name="go-regex", form="line", read=lambda data: python_regex(text_of(data)), samples=regexes)
    yield Parser(
        name="git-history", form="text", read=_history, samples=(_REFS, _GIT_CONFIG, b"HEAD\n" + b"a" * 40), slow=True
    )


def _strings_everywhere(data: bytes) -> int:
    return len(strings_near(data, range(0, len(data), 1000)))


_KEY_STORE = bytes.fromhex("feedfeed0000000200000001000000010001610000018d") + b"\0" * 60
_GIT_FILES = frozenset({b"packed-refs", b"HEAD", b"shallow", b"refs/heads/main"})
_GIT_CONFIG = b"[core]\n\tbare = true\n\trepositoryformatversion = 0\n"
_REFS = (
    b"packed-refs\n# pack-refs with: peeled fully-peeled sorted\n"
    + b"a" * 40
    + b" refs/heads/main\n^"
    + b"b" * 40
    + b"\n"
)


@cache
def _detector() -> SecretDetector:
    return SecretDetector()


def _texts() -> tuple[bytes, ...]:
    """All samples of all rules, a score of them to a text, plain and encoded."""
    lines = [made(sample) for rule in RULES for sample in rule.samples]
    texts = [b"\n".join(lines[at : at + 20]) for at in range(0, len(lines), 20)]
    encoded = [base64.b64encode(texts[0]), texts[1].hex().encode(), b"a = " + base64.urlsafe_b64encode(texts[2])]
    return (*encoded, *texts, texts[0].decode("utf-8", "replace").encode("utf-16"))


def _archives(texts: tuple[bytes, ...]) -> tuple[bytes, ...]:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("a/b")
        info.size = len(texts[3])
        tar.addfile(info, BytesIO(texts[3]))
    inner = zipped({"c": texts[4][:2000], "d": gzip.compress(texts[5][:500], mtime=0)})
    return (inner, buffer.getvalue(), gzip.compress(buffer.getvalue(), mtime=0), zipped({"e.zip": inner}, packed=False))


def _compiled() -> bytes:
    return (
        b"\xa7\r\r\n"
        + bytes(12)
        + marshal.dumps(compile("key = 'abcdefgh'\ndef f(a=b'xyz'): return {a: 1.5}", "f", "exec"))
    )


def _found(data: bytes) -> object:
    return told(_detector().scan_batch([("a/file", data), ("b/.netrc", memoryview(data))]))


def _found_in_pieces(data: bytes) -> object:
    pieces = (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
    return told(_detector().scan_chunks("a/file", pieces))


def _of_config(data: bytes) -> object:
    return told(secrets_in_config(parse_image_config(data), data, _detector()))


def _members(data: bytes) -> object:
    return sum(len(member.content) for member in members(data, Budget(1 << 22)))


def _gitleaks(data: bytes) -> object:
    config = read_gitleaks_config(data)
    told([list(config.unread), sorted(config.disabled)])
    return len(config.applied_to(RULES)), [one.name for one in config.allowlists]


def _ignore(data: bytes) -> object:
    return told(read_gitleaksignore(clean_text_of(data)))


def _baseline(data: bytes) -> object:
    return told(read_baseline(data, where="f"))


def _history(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as name:
        repository = Path(name) / "r"
        for folder in ("objects", "refs/heads"):
            (repository / folder).mkdir(parents=True)
        (repository / "config").write_bytes(data)
        (repository / "HEAD").write_bytes(b"ref: refs/heads/main\n")
        place, _, content = data.partition(b"\n")
        if place in _GIT_FILES:
            (repository / place.decode()).write_bytes(content)
            (repository / "config").write_bytes(_GIT_CONFIG)
        return told(secrets_in_history(repository, _detector()))
