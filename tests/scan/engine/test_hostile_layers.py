# SPDX-License-Identifier: Apache-2.0
"""Hostile layers end in one clear error of ours, whatever they are."""

import gzip
import io
import random
import tarfile
from collections.abc import Callable

import pytest
import zstandard
from engine_parts import LineCataloger, WordScanner, walked
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.artifact import Descriptor, Digest
from tidegate.errors import BoundExceededError, DigestMismatchError, InvalidInputError, TidegateError
from tidegate.inventory import LayerFacts
from tidegate.scan.analyser import Analyser
from tidegate.scan.analysis import analyse_layer
from tidegate.scan.limits import ScanLimits


def tar_of(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=form) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return sink.getvalue()


def analysed(
    blob: bytes,
    *,
    diff_id: Digest | None = None,
    limits: ScanLimits | None = None,
    digest: Digest | None = None,
    size: int | None = None,
    media_type: str = "application/vnd.oci.image.layer.v1.tar+gzip",
) -> LayerFacts:
    descriptor = Descriptor(
        media_type=media_type, digest=digest or Digest.of(blob), size=len(blob) if size is None else size
    )
    analyser = Analyser(roster=(LineCataloger(),), secrets=WordScanner(), limits=limits or ScanLimits())
    return analyse_layer(io.BytesIO(blob), descriptor, diff_id, analyser)


def trouble_with(blob: bytes) -> str:
    """What we say of a layer; "" when it is fine. Anything but our own error passes through and fails the test."""
    try:
        analysed(blob, limits=ScanLimits(max_unpacked_bytes=1 << 30))
    except TidegateError as error:
        return str(error)
    return ""


def resealed(header: bytes) -> bytes:
    """A header with its checksum made right."""
    blank = header[:148] + b" " * 8 + header[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


PLAIN = tar_of(("a/file", b"x" * 3000), ("var/db/packages", b"one 1\n"))


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)


@pytest.mark.parametrize(
    "blob",
    [
        PLAIN,
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:1000]) + gzip.compress(PLAIN[1000:]),
        gzip.compress(PLAIN) + bytes(512),
        zstd(PLAIN),
        zstd(PLAIN[:1000]) + b"\x50\x2a\x4d\x18\x03\0\0\0abc" + zstd(PLAIN[1000:]),
        b"\x5f\x2a\x4d\x18\x00\0\0\0" + zstd(PLAIN),
    ],
)
def test_bytes_decide_how_a_layer_is_packed(blob: bytes) -> None:
    facts = analysed(blob, diff_id=Digest.of(PLAIN), media_type="application/vnd.oci.image.layer.v1.tar")
    assert (facts.diff_id, facts.size, facts.entries) == (Digest.of(PLAIN), len(PLAIN), 2)
    assert [package.name for file in facts.files for package in file.packages] == ["one"]


def test_an_empty_blob_is_an_empty_layer() -> None:
    assert analysed(b"").entries == 0


@pytest.mark.property
@given(cut=st.floats(0, 1, exclude_max=True), packer=st.sampled_from((gzip.compress, zstd)))
@settings(deadline=None)
def test_a_cut_stream_is_an_error_wherever_it_is_cut(cut: float, packer: Callable[[bytes], bytes]) -> None:
    blob = packer(PLAIN)
    at = int(cut * len(blob))
    if at:
        with pytest.raises(InvalidInputError):
            analysed(blob[:at])


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (gzip.compress(PLAIN)[:-20], "cut short"),
        (zstd(PLAIN)[:-6], "cut short"),
        (gzip.compress(PLAIN) + b"garbage garbage", "broken"),
        (gzip.compress(PLAIN)[:-8] + b"12345678", "broken"),
        (zstd(PLAIN)[:-4] + b"1234", "broken"),
        (b"\x1f\x8b garbage garbage", "broken"),
        (b"BZh91AY&SY", "a bzip2 layer"),
        (b"\xfd7zXZ\0\0\4", "a xz layer"),
        (b"garbage" * 200, "not a tar archive"),
        (b"g", "ends inside a header"),
        (PLAIN[:900], "cut short"),
        (PLAIN[:512] + bytes(512) + PLAIN[512:], "checksum|lone zero|cut short"),
    ],
)
def test_broken_streams_say_what_is_broken(blob: bytes, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        analysed(blob)


def test_an_encrypted_layer_says_so() -> None:
    with pytest.raises(InvalidInputError, match=r"encrypted.*decrypt"):
        analysed(PLAIN, media_type="application/vnd.oci.image.layer.v1.tar+gzip+encrypted")


def test_digests_of_blob_and_stream_are_verified() -> None:
    blob = gzip.compress(PLAIN)
    with pytest.raises(DigestMismatchError):
        analysed(blob, digest=Digest.of(b"other"))
    with pytest.raises(DigestMismatchError, match="unpacked"):
        analysed(blob, diff_id=Digest.of(b"other"))


def test_a_blob_damaged_on_its_way_is_called_that() -> None:
    blob = bytearray(gzip.compress(PLAIN))
    digest = Digest.of(bytes(blob))
    blob[len(blob) // 2] ^= 0xFF
    with pytest.raises(DigestMismatchError):
        analysed(bytes(blob), digest=digest)


@pytest.mark.parametrize("delta", [-1, 1])
def test_a_size_that_lies_is_an_error(delta: int) -> None:
    with pytest.raises(InvalidInputError, match="descriptor says"):
        analysed(PLAIN, size=len(PLAIN) + delta)


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../../b", "..", "/../x", "a/.."])
def test_path_traversal_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match="path traversal"):
        walked(tar_of((name, b"")))


def test_hard_links_may_not_leave_the_root_and_absolute_ones_start_at_it() -> None:
    def link(target: str) -> bytes:
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w") as tar:
            info = tarfile.TarInfo("x")
            info.type, info.linkname = tarfile.LNKTYPE, target
            tar.addfile(info)
        return sink.getvalue()

    assert walked(link("/etc/passwd"))[0][0].link == b"etc/passwd"
    with pytest.raises(InvalidInputError, match="path traversal"):
        walked(link("../etc/passwd"))


@pytest.mark.parametrize(
    ("bound", "limits", "data"),
    [
        ("max_entries", ScanLimits(max_entries=3), tar_of(*((f"f{at}", b"") for at in range(4)))),
        ("max_path_bytes", ScanLimits(), tar_of(("n" * 5000, b""))),
        ("max_path_bytes", ScanLimits(max_path_bytes=30), tar_of(("n" * 31, b""))),
        ("max_path_depth", ScanLimits(), tar_of(("d/" * 256 + "f", b""))),
        ("max_path_depth", ScanLimits(max_path_depth=2), tar_of(("a/b/c", b""))),
        ("max_header_bytes", ScanLimits(max_header_bytes=2000), tar_of(("n" * 3000, b""))),
        ("max_header_bytes", ScanLimits(max_header_bytes=2000), tar_of(("n" * 3000, b""), form=tarfile.GNU_FORMAT)),
    ],
)
def test_bounds_of_the_archive_are_named(bound: str, limits: ScanLimits, data: bytes) -> None:
    with pytest.raises(BoundExceededError) as caught:
        walked(data, limits)
    assert caught.value.bound == bound
    assert "\n" not in str(caught.value)


def test_link_bounds_are_named() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name in ("x", "y"):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "t" * 200
            tar.addfile(info)
    for bound, limits in (
        ("max_link_bytes", ScanLimits(max_link_bytes=100)),
        ("max_marks", ScanLimits(max_marks=1)),
        ("max_mark_bytes", ScanLimits(max_mark_bytes=401)),
    ):
        with pytest.raises(BoundExceededError) as caught:
            analysed(sink.getvalue(), limits=limits)
        assert caught.value.bound == bound


@pytest.mark.parametrize(
    ("bound", "limits"),
    [
        ("max_marks", ScanLimits(max_marks=4)),
        ("max_mark_bytes", ScanLimits(max_mark_bytes=20)),
        ("max_tree_bytes", ScanLimits(max_tree_bytes=200)),
        ("max_wanted_files", ScanLimits(max_wanted_files=4)),
        ("max_secrets", ScanLimits(max_secrets=4)),
    ],
)
def test_what_is_kept_of_a_layer_is_bounded(bound: str, limits: ScanLimits) -> None:
    noise = random.Random(5)
    members = [(f"{kind}{at}", body) for at in range(5) for kind, body in (("s", b"HUSH"), (".wh.w", b""))]
    members += [(f"{at}/PACKAGES", b"one 1\n") for at in range(5)]
    members += [(noise.randbytes(40).hex(), b"x" * 2000) for _ in range(9000 if bound == "max_tree_bytes" else 0)]
    with pytest.raises(BoundExceededError) as caught:
        analysed(tar_of(*members, form=tarfile.GNU_FORMAT), limits=limits)
    assert caught.value.bound == bound


@pytest.mark.parametrize("packer", [gzip.compress, zstd])
def test_bombs_stop_at_the_ratio_and_at_the_size(packer: Callable[[bytes], bytes]) -> None:
    bomb = packer(tar_of(("zeros", bytes(20 << 20))))
    assert analysed(bomb).size > 20 << 20  # a zero-filled file is no bomb
    for bound, limits in (
        ("max_ratio", ScanLimits(ratio_free_bytes=1 << 20)),
        ("max_unpacked_bytes", ScanLimits(max_unpacked_bytes=10 << 20)),
    ):
        with pytest.raises(BoundExceededError) as caught:
            analysed(bomb, limits=limits)
        assert caught.value.bound == bound


def test_a_zstd_window_over_the_limit_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    blob = packer.compress(random.Random(1).randbytes(1 << 20)) + packer.flush()
    with pytest.raises(BoundExceededError) as caught:
        analysed(blob, limits=ScanLimits(max_window_bytes=1 << 20))
    assert caught.value.bound == "max_window_bytes"


def test_control_characters_stay_in_the_facts_and_out_of_errors() -> None:
    name = "evil\x1b[2J\u202e/PACKAGES"
    facts = analysed(tar_of((name, b"one 1\n")))
    assert facts.files[0].path == name
    with pytest.raises(InvalidInputError) as caught:
        analysed(tar_of((f"../{name}", b"")))
    assert str(caught.value).isprintable()


def test_names_that_are_no_text_are_kept_apart_and_encode() -> None:
    data = tar_of(("x-ABC/PACKAGES", b"one 1\n"), form=tarfile.GNU_FORMAT)
    header = resealed(data[:512].replace(b"ABC", b"\xe9\xff\x80"))
    facts = analysed(header + data[512:])
    assert facts.files[0].path.encode()
    assert "\ufffd" not in facts.files[0].path


def test_a_nul_in_a_pax_name_is_refused() -> None:
    record = b"path=var/db\0x"
    length = len(record) + 4
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("pax")
        info.type = b"x"
        body = b"%d %s\n" % (length, record)
        info.size = len(body)
        tar.addfile(info, io.BytesIO(body))
        tar.addfile(tarfile.TarInfo("real"))
    with pytest.raises(InvalidInputError, match="NUL in the path"):
        walked(sink.getvalue())


@pytest.mark.parametrize("key", ["path", "linkpath", "size"])
def test_a_global_header_that_renames_what_follows_is_refused(key: str) -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT, pax_headers={key: "7"}) as tar:
        tar.addfile(tarfile.TarInfo("x"))
    with pytest.raises(InvalidInputError, match="unpackers disagree"):
        walked(sink.getvalue())


def test_a_global_comment_is_passed_over() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "abc"}) as tar:
        tar.addfile(tarfile.TarInfo("x"))
    assert [entry.name for entry, _ in walked(sink.getvalue())] == [b"x"]


@pytest.mark.parametrize(
    "field", [b"00000000008\0", b"-0000000001\0", b"+0000000001\0", b"0o000000001\0", b"1_000000000\0", b"\xff" * 12]
)
def test_sizes_are_read_strictly(field: bytes) -> None:
    data = tar_of(("x", b"abc"), form=tarfile.USTAR_FORMAT)
    header = resealed(data[:124] + field + data[136:512])
    with pytest.raises(InvalidInputError, match="number"):
        walked(header + data[512:])


def test_a_size_past_the_end_is_an_error() -> None:
    data = tar_of(("x", b"abc"), form=tarfile.USTAR_FORMAT)
    header = resealed(data[:124] + b"77777777777\0" + data[136:512])
    with pytest.raises(InvalidInputError, match="cut short"):
        analysed(header + data[512:])


def test_a_wanted_file_over_its_catalogers_limit_leaves_an_outcome() -> None:
    facts = analysed(tar_of(("var/db/packages", b"x" * 5000)))
    assert [(it.plugin, it.location) for it in facts.outcomes] == [("lines", "var/db/packages")]
    assert "max_bytes = 4096" in facts.outcomes[0].reason


def test_catalogers_that_raise_do_not_stop_the_scan() -> None:
    facts = analysed(
        tar_of(("a/PACKAGES", b"!input"), ("b/PACKAGES", b"!bug"), ("c/PACKAGES", b"\xff"), ("d/PACKAGES", b"one 1\n"))
    )
    assert [(it.location, it.status.value) for it in facts.outcomes] == [
        ("a/PACKAGES", "failed"),
        ("b/PACKAGES", "failed"),
        ("c/PACKAGES", "failed"),
    ]
    assert [package.name for file in facts.files for package in file.packages] == ["one"]


def test_of_a_large_file_the_beginning_is_searched_for_secrets() -> None:
    limits = ScanLimits(max_secret_file_bytes=1000)
    facts = analysed(
        tar_of(("early", b"HUSH" + b"x" * 5000), ("late", b"x" * 5000 + b"HUSH"), ("binary", bytes(5000))),
        limits=limits,
    )
    assert [secret.path for secret in facts.secrets] == ["early"]
    assert [it.location for it in facts.outcomes] == ["early", "late"]


@pytest.mark.property
@given(seed=st.integers(0, 1 << 30), flips=st.integers(1, 12), form=st.sampled_from((0, 1, 2)), seal=st.booleans())
@settings(deadline=None, max_examples=400)
def test_damaged_archives_end_in_our_errors_only(seed: int, flips: int, form: int, *, seal: bool) -> None:
    noise = random.Random(seed)
    data = bytearray(
        tar_of(("a" * 60 + "/" + "a" * 60, b"x" * 700), ("var/db/packages", b"one 1\n"), ("b", b"y"), form=form)
    )
    for _ in range(flips):
        data[noise.randrange(len(data))] = noise.choice(
            (0, 0xFF, 0x80, ord("S"), ord("x"), ord("9"), noise.randrange(256))
        )
    if seal:
        for at in range(0, len(data), 512):
            if data[at + 257 : at + 262] == b"ustar":
                data[at : at + 512] = resealed(bytes(data[at : at + 512]))
    assert "\n" not in trouble_with(bytes(data))


@pytest.mark.property
@given(
    blob=st.binary(max_size=2000),
    head=st.sampled_from((b"", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18")),
)
@settings(deadline=None, max_examples=300)
def test_noise_ends_in_our_errors_only(blob: bytes, head: bytes) -> None:
    assert "\n" not in trouble_with(head + blob)
