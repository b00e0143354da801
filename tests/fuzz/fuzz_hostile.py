# SPDX-License-Identifier: Apache-2.0
"""Files made to do harm, by the form they pretend to have: bombs, nests without end, numbers without end, slips."""

from collections.abc import Iterator
from functools import cache

from fuzz_hostile_archives import binaries, gzips, tars, zips, zstds

_DEEP = 100_000
_DIGITS = b"9" * 1_000_000


@cache
def hostile(form: str) -> list[bytes]:
    """Nasty files for a reader of a form; those that read any text are given all of the texts."""
    texts = [*_texts(), *_json(), *_yaml(), *_toml(), *_xml()]
    of_form = {
        "json": [*_texts(), *_json()],
        "yaml": [*_texts(), *_yaml(), *_json()],
        "toml": [*_texts(), *_toml()],
        "xml": [*_texts(), *_xml()],
        "text": texts,
        "line": list(_lines()),
        "zip": list(zips()),
        "tar": list(tars()),
        "gzip": list(gzips()),
        "zstd": list(zstds()),
        "binary": [*binaries(), *zips(), *_texts()],
    }
    return of_form[form]


def _texts() -> Iterator[bytes]:
    yield from (
        b"",
        b"\n",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b" " * _DEEP,
        b"\n" * _DEEP,
    )
    yield from (
        b"a" * (1 << 20),
        b"a\n" * _DEEP,
        b"=" * _DEEP,
        b":" * _DEEP,
        b'"' * 100_001,
        b"'" * _DEEP,
        b"\\" * 100_001,
    )
    yield from (
        b"\\\n" * _DEEP,
        b"a=" * _DEEP,
        b"a:" * _DEEP,
        b"#" * _DEEP,
        b"\r" * _DEEP,
        b"\t" * _DEEP,
        b"-" * _DEEP,
        _DIGITS,
    )
    yield from (
        b"a " * _DEEP,
        b" a" * _DEEP + b"!",
        b"(" * _DEEP,
        b"/" * _DEEP,
        b"../" * _DEEP,
        b"@" * _DEEP,
        b"$(" * _DEEP,
    )
    yield from (
        b"${" * _DEEP,
        b"<<EOT\n" * 20_000,
        b"\x85" * _DEEP,
        "\u2028".encode() * _DEEP,
        "\u0130".encode() * _DEEP,
    )


def _json() -> Iterator[bytes]:
    for opening in (
        b"[",
        b'{"a":',
        b"[{}",
        b'{"a":[',
        b'{"components":[{"components":',
        b'{"predicate":',
        b'{"versions":{"a":',
    ):
        yield opening * _DEEP
    yield b"[" * _DEEP + b"]" * _DEEP
    yield b'{"a":' * 900 + b"1" + b"}" * 900
    yield b'{"a":' + _DIGITS + b"}"
    yield b'[{"StartLine":' + _DIGITS + b',"RuleID":"a","File":"b"}]'
    yield b'{"secrets":[{"fingerprint":"\\ud800"}]}'
    yield b'[{"RuleID":"a","File":"\\udfff","StartLine":1,"Secret":"\\ud800"}]'
    yield b'{"a":1e999999999,"b":-1e999999999,"c":NaN,"d":Infinity}'
    yield b'{"a":0.' + b"0" * 500_000 + b"1}"
    yield b"{" + b'"a":1,' * 50_000 + b'"a":1}'
    yield b"{" + b",".join(b'"%d":1' % number for number in range(50_000)) + b"}"
    yield b"[" + b"1," * 200_000 + b"1]"
    yield b'"' + b"\\u0000" * 50_000 + b'"'
    yield b'{"' + b"k" * 500_000 + b'":1}'
    yield b'{"spec":{"a":"\\ud800"},"kind":"\\udfff"}'
    yield (
        b'{"bomFormat":"CycloneDX","components":'
        + b'[{"type":"library","name":"a","components":' * 400
        + b"[]"
        + b"}]" * 400
        + b"}"
    )
    yield b'{"bomFormat":"CycloneDX","components":[' + b'{"name":"a","purl":"pkg:a/b@1"},' * 20_000 + b"{}]}"
    yield b"null"
    yield b"[]"
    yield b"{}"
    yield b'""'


def _yaml() -> Iterator[bytes]:
    laughs = b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    for one, other in zip(b"abcdefgh", b"bcdefghi", strict=True):
        laughs += b"%c: &%c [%s]\n" % (other, other, b",".join([b"*%c" % one] * 9))
    yield laughs
    yield b"a: &a {x: 1, y: 2}\n" + b"".join(b"b%d: &b%d {<<: [*a, *a], c: *a}\n" % (n, n) for n in range(1_000))
    yield from (
        b"- " * _DEEP,
        b"? " * _DEEP,
        b"[" * _DEEP,
        b"{" * _DEEP,
        b"{a: " * 50_000,
        b"a: &a [*a]\n",
        b"a: &a {b: *a}\n",
    )
    yield from (
        b"[" * 900 + b"]" * 900,
        b"- " * 900 + b"a",
        b"? " * 900 + b"a",
        b"&a " * _DEEP,
        b"!!a " * _DEEP,
        b"*a " * 10,
    )
    yield from (b"--- a\n" * 20_000, b"%TAG ! tag:x,2000:\n" * 20_000, b"a: |\n" + b"  x\n" * _DEEP, b"a: " + _DIGITS)
    yield from (
        b"!!int ''",
        b"!!int '_'",
        b"!!int '-'",
        b"!!float ''",
        b"!!float '-'",
        b"!!bool x",
        b"!!timestamp x",
        b"!!null x",
    )
    yield from (
        b"!!binary '\xc3\xa9'",
        b"!!set [a]",
        b"!!omap {a: b}",
        b"!!pairs [a]",
        b"{[a]: b}",
        b"? {a: b}\n: c",
        b"=: 1",
    )
    yield from (
        b"vulnerabilities: [{id: !!int ''}]",
        b"vulnerabilities: [{id: a, expired_at: 9999-99-99}]",
        b"a: 0o9",
        b"a: 0b",
        b"a: 0x",
    )
    yield from (
        b"vulnerabilities:\n" + b"- " * 50_000,
        b"secrets: " + b"[" * 50_000,
        b"a: 1:2:3:" + b"9:" * 50_000 + b"1",
        b"a: 190:20:30",
    )
    yield from (
        b"\xff\xfea\x00:\x00",
        b"\xfe\xff\x00a",
        b"a: \x00",
        b"a: \xed\xa0\x80",
        b'a: "\\ud800"',
        b'a: "\\U0010FFFF\\x00"',
    )
    yield b"a: 2001-01-01T00:00:00+99:99\nb: 2001-13-45\nc: 0000-00-00\n"
    yield b"vulnerabilities: [" + b"{id: a, paths: [b]}," * 20_000 + b"]"
    yield b"k: v\n" * 20_000
    yield b"".join(b"k%d: v\n" % number for number in range(50_000))


def _toml() -> Iterator[bytes]:
    yield b"a." * _DEEP + b"a = 1"
    yield b"[" + b"a." * _DEEP + b"a]"
    yield b"a = {" + b"b." * _DEEP + b"c = 1}"
    yield b"'b'." * _DEEP + b"c = 1"
    yield b"a = " + b"[" * _DEEP
    yield b"a = " + b"{a=" * _DEEP
    yield b"a = " + _DIGITS
    yield b"a = 0x" + b"f" * 500_000
    yield b"a = 1e999999999\nb = nan\nc = -inf"
    yield b"a = 9999-99-99"
    yield b"a = 2024-01-01T00:00:00+99:99"
    yield b"a = 1979-05-27T07:32:00-00:00\nb = 07:32:00.999999999999"
    yield b"".join(b"[a%d]\n" % number for number in range(50_000))
    yield b"[[a]]\n" * 50_000
    yield b"a = '''" + b"x\n" * _DEEP
    yield b'a = "' + b"\\u0000" * 50_000
    yield b"[a]\n[a]\n"
    yield b"[[rules]]\nid = 'a'\nregex = '''(a+)+$'''\nsecretGroup = " + b"9" * 5_000
    yield b"[[rules]]\nid = 'a'\nregex = '''" + b"(" * 3_000 + b"'''\n"
    yield b"[[rules]]\nid = 'a'\nregex = '''(a{1,1000}){1,1000}'''\nkeywords = ['abc']\nentropy = nan\n"
    yield b"[[rules]]\nid = 'a'\nregex = '''a{99999999999}'''\n"


def _xml() -> Iterator[bytes]:
    laughs = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha">'
    for one, other in zip(b"abcdefghij", b"bcdefghijk", strict=True):
        laughs += b'<!ENTITY %c "%s">' % (other, b"&%c;" % one * 10)
    yield laughs + b"]><a>&k;</a>"
    yield b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 100_000 + b'">]><a>' + b"&b;" * 10_000 + b"</a>"
    yield b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    yield b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>'
    yield b'<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd">%b;]><a/>'
    for name in (b"a", b"project", b"component", b"components"):
        yield (b"<" + name + b">") * _DEEP
        yield (b"<" + name + b">") * 20_000 + (b"</" + name + b">") * 20_000
    yield b"<a " + b'b="c" ' * 2 + b"/>"
    yield b"<a " + b"".join(b'b%d="c" ' % number for number in range(50_000)) + b"/>"
    yield b"<a>" + b"<b/>" * _DEEP + b"</a>"
    yield b"<a " + b"".join(b'xmlns:n%d="u%d" ' % (number, number) for number in range(20_000)) + b"/>"
    yield b'<?xml version="1.0" encoding="nobody"?><a/>'
    yield b'<?xml version="1.0" encoding="utf-7"?><a/>'
    yield b'<?xml version="1.0" encoding="idna"?><a/>'
    yield b'<?xml version="1.0" encoding="unicode_escape"?><a/>'
    yield b'<?xml version="1.0" encoding="zlib_codec"?><a/>'
    yield b"<a>&#xD800;</a>"
    yield b"<a>&#0;</a>"
    yield b"<a><![CDATA[" + b"x" * 500_000
    yield b"<!--" + b"-" * 500_000
    yield b'<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components>' + b"<component><components>" * 30_000
    yield "<?xml version='1.0' encoding='utf-16'?><a>\ud7ff</a>".encode("utf-16")


def _lines() -> Iterator[bytes]:
    yield from (
        b"",
        b" ",
        b"\x00",
        b"a\x00b",
        b"\xff",
        b"\xed\xa0\x80",
        b"\n",
        b"(devel)",
        b"1.20",
        b"0",
        b"-",
        b".",
        b"~",
        b":",
        b"v",
    )
    for piece in (
        b"9",
        b"1.",
        b"1-",
        b"a",
        b"a1",
        b"~",
        b"-",
        b".",
        b"+",
        b"_",
        b":",
        b"0",
        b"1.0-",
        b"a.",
        b"a-1",
        b"rc",
        b" ",
        b"/",
        b"a/",
    ):
        yield piece * 200
        yield piece * 5_000
        yield piece * 50_000
        yield b"1." + piece * 50_000 + b"!"
    yield from (
        "１.２.３".encode(),
        "١.٢".encode(),
        "1.²".encode(),
        "1.0\u0301".encode(),
        "ＡＢＣ".encode(),
        "\u2028".encode(),
        "ß.İ".encode(),
    )
    yield from (
        b"1" * 5_000 + b":1",
        b"1!" * 1_000,
        b"9" * 4_301,
        b"1." + b"9" * 4_301,
        b"v" + b"9" * 5_000 + b".0.0",
        b"9" * 1_000_000,
    )
    yield from (
        b"(" * 5_000 + b"MIT" + b")" * 5_000,
        b"(MIT OR " * 2_000,
        b"MIT AND " * 20_000 + b"MIT",
        b"MIT WITH " * 5_000,
        b"NOT " * 5_000,
    )
    yield from (
        b"pkg:",
        b"pkg:a",
        b"pkg:a/",
        b"pkg:a/b@%ff",
        b"pkg:a/b?" + b"c=d&" * 5_000,
        b"pkg:a/%2e%2e/b",
        b"pkg:a/b?c",
        b"PKG:a/b@%zz#../..",
    )
    yield from (
        b"cpe:2.3:" + b":" * 100,
        b"cpe:/" + b"\\" * 5_000,
        b"http://[::1",
        b"http://a:99999999999",
        b"http://\xc2\xb2",
        b"https://a\\b@c/",
    )
    yield from (
        b"CVSS:3.1/" * 5_000,
        b"CVSS:3.1/AV:" + b"N" * 5_000,
        b"CVSS:4.0",
        b"CVSS:3.1/AV:N/AV:N",
        b"9999-12-31T23:59:59-23:59",
    )
    yield from (
        b"0001-01-01T00:00:00+23:59",
        b"2024-01-01T00:00:00+99:99",
        b"2024-01-01T24:00:00Z",
        b"Mon, 99 Jan 99999 99:99:99 +9999",
    )
    yield from (
        b"Mon, 01 Jan 0001 00:00:00 +2359",
        b"1e400",
        b"nan",
        b"-inf",
        "²".encode(),
        b"(a+)+$",
        b"(?P<a>b)(?P<a>c)",
        b"a{9999999999}",
    )
    yield from (
        b"[[:x:]]",
        b"[",
        b"(?i",
        b"\\",
        b"\\x{",
        b"(" * 3_900,
        b"(?i)" * 900,
        b"[[]",
        b"(?s:" * 900,
        b"\\1",
        b"(?<=a+)b",
        b"\\Q\\E" * 900,
    )
