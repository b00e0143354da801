# SPDX-License-Identifier: Apache-2.0
"""What is done to sound input, as data, so that Hypothesis and the long run draw from the same deeds."""
# ruff: noqa: E501 - tables of samples read best a kind a line

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

MAX_BYTES = 4 << 20
"""Longest input that mutation makes."""

_WORD = re.compile(rb'"[^"\n]{0,200}"|[0-9]+|[A-Za-z0-9_.:@/+-]+|[\[\]{}()<>=,]|\s+')
_LINE = re.compile(rb"[^\n]*\n?")

DIGITS = "７".encode()
WORDS: tuple[bytes, ...] = (
    b"", b"0", b"-1", b"1e999", b"-1e999", b"nan", b"inf", b"-0", b"01", b"0x", b"0o8", b"0b2", b"1_0", b"1e5", b"1.20",
    b"255", b"256", b"65536", b"4294967295", b"9223372036854775808", b"18446744073709551616", b"9" * 400, b"9" * 5_000,
    b"\x00", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf0\x9f\x92\xa9", DIGITS, "²".encode(), "١".encode(),
    "\u202e".encode(), "\u2028".encode(), b"\x1b[31m", b"\r", b"\x0b", b"\x85", b"\\ud800", b'"\\ud800"', b'"\\u0000"',
    b"null", b"true", b"[]", b"{}", b'""', b"[[]]", b'{"":{}}', b"~", b"<<", b"*a", b"&a ", b"!!int x", b"!!float x",
    b"!!timestamp x", b"!!binary x", b"!!bool x", b"!!null x", b"!!set {a}", b"!!omap [a]", b"!!python/object:x.y {}",
    b"? ", b"- ", b": ", b"---\n", b"...\n", b"%YAML 9.9\n", b"%", b"%s", b"%zz", b"%00", b"{}" * 3, b"${a}", b"$(a)", b"..",
    b"../../etc/passwd", b"/", b"//", b"\\", b"C:\\", b"a" * 300, b"a/" * 300, b"a." * 300, b"@", b"::", b"#", b"0000-00-00",
    b"9999-12-31", b"10000-01-01", b"2024-02-30", b"2024-01-01T25:61:61Z", b"0001-01-01T00:00:00+23:59", b"(devel)", b"~rc",
    b"1:2:3", b"v", b"==", b"*", b"<a/>", b"<![CDATA[", b"<!--", b"<?xml?>", b"&#0;", b"&lt;", b"&x;", b"]]>", b"'''", b'"""',
    b"SHA256-", b"sha256:", b"pkg:", b"pkg:a/b@c?d=e#f", b"file://", b"http://[", b"http://a:99999999", b"git+", b"=" * 70,
)  # fmt: skip
"""Put in place of a word, or between two."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One change: `where` and `size` are parts of 2**16 of the input's length, `pick` chooses among what there is."""

    kind: str
    where: int
    size: int
    pick: int


def done(content: bytes, deeds: Sequence[Deed], others: Sequence[bytes]) -> bytes:
    """The input after all deeds, one after another; `others` are what may be spliced in."""
    for deed in deeds:
        content = _DEEDS[deed.kind](content, deed, others)[:MAX_BYTES]
    return content


def drawn(random: Random) -> tuple[Deed, ...]:
    """Deeds for the long run; mostly few."""
    count = random.choice((1, 1, 1, 2, 2, 3, 4, 8))
    return tuple(
        Deed(random.choice(KINDS), random.randrange(1 << 16), random.randrange(1 << 16), random.randrange(1 << 30))
        for _ in range(count)
    )


def _place(content: bytes, deed: Deed) -> int:
    # Early bytes say how much there is of everything, so a third of all deeds are done there.
    length = min(128, len(content)) if deed.pick % 3 == 0 else len(content)
    return deed.where * length >> 16


def _stretch(content: bytes, deed: Deed) -> tuple[int, int]:
    at = _place(content, deed)
    return at, min(len(content), at + 1 + (deed.size * (len(content) - at) >> 18))


def _flip(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    at = _place(content, deed)
    return content[:at] + bytes((content[at] ^ (1 << deed.pick % 8),)) + content[at + 1 :] if content else content


def _set(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    at = _place(content, deed)
    value = (0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x0A, deed.size % 256)[deed.pick % 8]
    return content[:at] + bytes((value,)) * (1, 1, 2, 4, 8)[deed.size % 5] + content[at + 1 :]


def _number(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    """A number of two, four or eight bytes is made an odd one, in either order of bytes."""
    at, width = _place(content, deed), (2, 4, 8)[deed.size % 3]
    top = 1 << 8 * width
    value = (0, 1, top - 1, top // 2, top // 2 - 1, len(content), max(0, len(content) - at), deed.pick % top)[
        deed.pick % 8
    ]
    return content[:at] + (value % top).to_bytes(width, "little" if deed.pick & 8 else "big") + content[at + width :]


def _cut(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    return content[: _place(content, deed)]


def _drop(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    start, end = _stretch(content, deed)
    return content[:start] + content[end:]


def _twice(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    start, end = _stretch(content, deed)
    return content[:start] + content[start:end] * (2, 2, 3, 50)[deed.pick % 4] + content[end:]


def _splice(content: bytes, deed: Deed, others: Sequence[bytes]) -> bytes:
    other = others[deed.pick % len(others)] if others else content
    start, end = _stretch(other, Deed(deed.kind, deed.size, deed.where, deed.pick))
    at = _place(content, deed)
    return content[:at] + other[start:end] + content[at:]


def _word(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    """A word near the place is replaced by an odd one."""
    start, end = _word_at(content, _place(content, deed))
    return content[:start] + WORDS[deed.pick % len(WORDS)] + content[end:]


def _insert(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    at = _word_at(content, _place(content, deed))[1]
    return content[:at] + WORDS[deed.pick % len(WORDS)] + content[at:]


def _swap(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    """A word takes the place of another: values stand under the wrong keys, keys stand twice."""
    one = _word_at(content, _place(content, deed))
    two = _word_at(content, deed.size * len(content) >> 16)
    return content[: one[0]] + content[two[0] : two[1]] + content[one[1] :]


def _line(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    """A line is dropped, doubled, or taken elsewhere."""
    found = _LINE.search(content, content.rfind(b"\n", 0, _place(content, deed)) + 1)
    if found is None:
        return content
    start, end = found.span()
    rest = content[:start] + content[end:]
    to = rest.rfind(b"\n", 0, deed.size * len(rest) >> 16) + 1
    return (rest, content[:end] + found[0] + content[end:], rest[:to] + found[0] + rest[to:])[deed.pick % 3]


def _nest(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    """A word is wrapped many times, or opened and never closed."""
    start, end = _word_at(content, _place(content, deed))
    opening, closing = _NESTS[deed.pick % len(_NESTS)]
    times = (3, 70, 300, 1_100, 20_000)[deed.size % 5]
    inner = opening * times + content[start:end] + (closing * times if deed.size & 64 else b"")
    return content[:start] + inner + content[end:]


def _encoding(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    text = content.decode("utf-8", "replace")
    name = ("utf-16", "utf-16-be", "utf-32", "utf-7", "utf-8-sig", "latin-1", "cp037")[deed.pick % 7]
    return text.encode(name, "replace")


def _ends(content: bytes, deed: Deed, _others: Sequence[bytes]) -> bytes:
    return content.replace(b"\n", (b"\r\n", b"\r", b"\x00", b"\n\n", b"\xe2\x80\xa8", b"")[deed.pick % 6])


def _word_at(content: bytes, at: int) -> tuple[int, int]:
    found = _WORD.search(content, at, at + 300)
    return found.span() if found else (at, at)


_NESTS = (
    (b"[", b"]"), (b"{", b"}"), (b'{"a":', b"}"), (b"(", b")"), (b"- ", b""), (b"? ", b""), (b"<a>", b"</a>"),
    (b"{a: ", b"}"), (b"a.", b""), (b'"', b'"'), (b"'", b"'"), (b"/*", b"*/"), (b"${", b"}"), (b"\\", b""), (b"!", b""),
    (b"a: ", b""), (b"[[", b"]]"), (b"-", b""), (b" ", b""), (b"\n", b""), (b"%25", b""), (b"../", b""), (b"<!--", b"-->"),
)  # fmt: skip

_DEEDS: Mapping[str, Callable[[bytes, Deed, Sequence[bytes]], bytes]] = {
    "flip": _flip, "set": _set, "number": _number, "cut": _cut, "drop": _drop, "twice": _twice, "splice": _splice,
    "word": _word, "insert": _insert, "swap": _swap, "line": _line, "nest": _nest, "encoding": _encoding, "ends": _ends,
}  # fmt: skip
KINDS: tuple[str, ...] = tuple(_DEEDS)
