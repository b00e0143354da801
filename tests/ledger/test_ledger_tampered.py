# SPDX-License-Identifier: Apache-2.0
"""Every kind of change to a copy of a ledger is found: bytes, entries, order, length, history, time, origin, JSON."""

import base64
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filled_ledger import add_statements, run_tlogcheck, settings_of
from tidegate.admission.ledger_line import parse_ledger_line
from tidegate.artifact import Digest
from tidegate.assembly.ledger_copy import build_ledger_check
from tidegate.assembly.local_ledger import open_local_ledger
from tidegate.errors import InvalidInputError, NotFoundError, RefusedError, TidegateError
from tidegate.ledger import Checkpoint, NoteSigner, Prover, leaf_hash, sign_checkpoint
from tidegate.ledger.copy import FolderCopy, statement_path
from tidegate.ledger.cosignature import Cosigner
from tidegate.ledger.policy import Group, KnownLog, LogPolicy, Witness
from tidegate.ledger.tile import Tile, pack_entries, split_entries, tile_at, tiles_of
from tidegate.ledger.tlog_proof import TlogProof
from tidegate.oversight.ledger_check import LedgerCheck, LedgerReport

SIZE = 520
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SIGNER = NoteSigner.from_seed("log.example/a", bytes(range(32)))
FLAGS = {"ledger.origin": SIGNER.name}


class Fixed:
    """Copies made once: a log, its checkpoint when it was shorter, and a fork of it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.copy, self.fork = folder / "home", folder / "copy", folder / "fork"
        self.home.mkdir()
        key = self.home / "keys" / "ledger.pem"
        key.parent.mkdir()
        key.write_bytes(base64.b64encode(SIGNER.secret_seed()))
        self.settings = settings_of(self.home, **FLAGS)
        add_statements(self.home, 100)
        shutil.copytree(self.home, folder / "other")
        self.older = self.note()
        add_statements(self.home, SIZE - 100, start=100)
        with open_local_ledger(self.settings) as local:
            local.export(self.copy)
        add_statements(folder / "other", SIZE, start=10_000)
        with open_local_ledger(settings_of(folder / "other", **FLAGS)) as local:
            local.export(self.fork)

    def note(self) -> str:
        with open_local_ledger(self.settings) as local:
            return local.checkpoint()[0]

    def check(
        self, copy: Path, *, since: str | None = None, policy: LogPolicy | None = None, reads: bool = False
    ) -> LedgerReport:
        return self.checker(policy, reads=reads).check(FolderCopy(copy), since=since)

    def checker(self, policy: LogPolicy | None = None, *, reads: bool = False) -> LedgerCheck:
        believed = policy or LogPolicy(logs=(KnownLog(SIGNER.verifier),))
        return build_ledger_check(self.settings, believed, trusted=(), reads_statements=reads, clock=lambda: NOW)


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Fixed:
    return Fixed(tmp_path_factory.mktemp("fixed"))


@pytest.fixture
def copy(fixed: Fixed, tmp_path: Path) -> Path:
    """One that may be changed."""
    return copied(fixed, tmp_path / "copy")


def copied(fixed: Fixed, folder: Path) -> Path:
    """A copy whose statements are links: a file is replaced, never written into."""
    shutil.copytree(fixed.copy, folder, ignore=shutil.ignore_patterns("statement"))
    shutil.copytree(fixed.copy / "statement", folder / "statement", copy_function=_linked)
    return folder


def _linked(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def entries_of(copy: Path, index: int) -> list[bytes]:
    bundle = tile_at(0, index, SIZE).bundle
    return split_entries((copy / bundle.path).read_bytes(), bundle)


def resigned(copy: Path, size: int, root: bytes, *, signer: NoteSigner = SIGNER) -> None:
    """The log itself lies: whoever holds its key signs what was changed."""
    note = sign_checkpoint(Checkpoint(origin=signer.name, size=size, root=root), signer)
    replace(copy / "checkpoint", note.encode())


def rewritten(copy: Path, entries: Sequence[bytes]) -> None:
    """A whole copy of other entries, signed by the log."""
    for tile in tiles_of(SIZE):
        for path in (copy / tile.path, copy / tile.bundle.path):
            path.unlink(missing_ok=True)
    source = _Made(entries)
    for tile in tiles_of(len(entries)):
        (copy / tile.path).parent.mkdir(exist_ok=True)
        (copy / tile.path).write_bytes(source.read([tile])[tile])
        if tile.level == 0:
            (copy / tile.bundle.path).parent.mkdir(exist_ok=True)
            part = entries[tile.first : tile.first + tile.width]
            (copy / tile.bundle.path).write_bytes(pack_entries(part))
    resigned(copy, len(entries), Prover(source).root(len(entries)))


class _Made:
    """Tiles of entries at hand."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self._leaves = [leaf_hash(entry) for entry in entries]

    def read(self, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
        return {tile: b"".join(self._hashes(tile)) for tile in tiles}

    def _hashes(self, tile: Tile) -> list[bytes]:
        if tile.level == 0:
            return self._leaves[tile.first : tile.first + tile.width]
        below = [self._hashes(Tile(tile.level - 1, at)) for at in range(tile.first, tile.first + tile.width)]
        return [_folded(hashes) for hashes in below]


def _folded(hashes: list[bytes]) -> bytes:
    from tidegate.ledger.tile import subtree_hash

    return subtree_hash(hashes)


def test_a_copy_that_nobody_changed_is_sound(fixed: Fixed) -> None:
    report = fixed.check(fixed.copy, since=fixed.older, reads=True)
    assert (report.is_sound, report.size, report.since) == (True, SIZE, 100)
    assert report.statements == {"trusted": SIZE, "others": 0, "unread": 0}
    assert fixed.check(fixed.fork).is_sound  # by itself a fork is a log like any other


FILES = {
    "a tile": "tile/0/001",
    "a part of a tile": "tile/0/002.p/8",
    "a tile above": "tile/1/000.p/2",
    "a bundle": "tile/entries/000",
    "a part of a bundle": "tile/entries/002.p/8",
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("at", [0, 1, 40, -1])
def test_a_flipped_byte_in_each_kind_of_file(fixed: Fixed, copy: Path, kind: str, at: int) -> None:
    content = bytearray((copy / FILES[kind]).read_bytes())
    content[at] ^= 0x20
    replace(copy / FILES[kind], bytes(content))
    report = fixed.check(copy)
    assert not report.is_sound
    assert {defect.where.partition(" ")[0] for defect in report.defects} & {FILES[kind], "entry", "checkpoint"}


@pytest.mark.property
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere(fixed: Fixed, tmp_path: Path, data: st.DataObject) -> None:
    copy = tmp_path / "copy"
    if not copy.exists():
        copied(fixed, copy)
    files = sorted(path for path in copy.rglob("*") if path.is_file() and path.name != "key")
    files = [path for path in files if "statement" not in path.parts] + [files[3], files[-9]]
    path = data.draw(st.sampled_from(files))
    before = path.read_bytes()
    content = bytearray(before)
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    replace(path, bytes(content))
    try:
        sound = fixed.check(copy, reads="statement" in path.parts).is_sound
    except (InvalidInputError, RefusedError):
        sound = False
    replace(path, before)
    assert not sound, path


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_gone_or_cut_or_too_long(fixed: Fixed, copy: Path, kind: str) -> None:
    path, content = copy / FILES[kind], (copy / FILES[kind]).read_bytes()
    for changed in (content[:-1], content[: len(content) // 2], b"", content + b"\0", content + content):
        replace(path, changed)
        report = fixed.check(copy)
        assert any(defect.where == FILES[kind] for defect in report.defects), changed[:20]
    path.unlink()
    assert any(defect == (FILES[kind], "is not there") for defect in _pairs(fixed.check(copy)))


def _pairs(report: LedgerReport) -> list[tuple[str, str]]:
    return [(defect.where, defect.what) for defect in report.defects]


def test_statements_that_were_changed_removed_or_swapped(fixed: Fixed, copy: Path) -> None:
    lines = [parse_ledger_line(entry, where="entry") for entry in entries_of(copy, 0)[:3]]
    one, two, three = (copy / statement_path(line.envelope) for line in lines if line is not None)
    first, second = one.read_bytes(), two.read_bytes()
    replace(one, second)
    replace(two, first)
    three.unlink()
    found = _pairs(fixed.check(copy, reads=True))
    assert len(found) == 3
    assert sorted(what for _, what in found) == [
        "is not the statement that entry 0 names",
        "is not the statement that entry 1 names",
        "is not there",
    ]


def test_entries_removed_or_swapped(fixed: Fixed, copy: Path) -> None:
    bundle = tile_at(0, 1, SIZE).bundle
    entries = entries_of(copy, 1)
    swapped = [entries[1], entries[0], *entries[2:]]
    replace(copy / bundle.path, pack_entries(swapped))
    assert {where for where, _ in _pairs(fixed.check(copy))} == {
        "entry 256",
        "entry 257",
        "tile/1/000.p/2",
        "checkpoint",
    }
    replace(copy / bundle.path, pack_entries(entries[1:]))
    assert ("tile/entries/001", "does not hold 256 entries and nothing else") in _pairs(fixed.check(copy))
    # And with tiles to match, so that only the tile above and the root tell.
    replace(copy / bundle.path, pack_entries(swapped))
    replace(copy / Tile(0, 1).path, b"".join(map(leaf_hash, swapped)))
    assert {where for where, _ in _pairs(fixed.check(copy))} == {"tile/1/000.p/2", "checkpoint"}


def all_entries(copy: Path) -> list[bytes]:
    return [entry for index in range(3) for entry in entries_of(copy, index)]


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries[1:],
        lambda entries: [entries[1], entries[0], *entries[2:]],
        lambda entries: [*entries[:50], entries[0], *entries[51:]],
        lambda entries: entries[: SIZE - 450],
        lambda entries: entries[:0],
    ],
    ids=["removed", "swapped", "replaced", "truncated", "emptied"],
)
def test_the_log_itself_rewrites_its_history(
    fixed: Fixed, copy: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    """With its key it can make a copy that is sound by itself: whoever kept an earlier checkpoint sees it."""
    rewritten(copy, change(all_entries(copy)))
    assert fixed.check(copy).is_sound
    found = _pairs(fixed.check(copy, since=fixed.older))
    assert len(found) == 1
    assert found[0][0] == "checkpoint"
    assert "rolled back" in found[0][1] or "does not go on from" in found[0][1]


def test_a_forked_history(fixed: Fixed) -> None:
    report = fixed.check(fixed.fork, since=(fixed.copy / "checkpoint").read_text())
    assert ["does not go on from" in what for _, what in _pairs(report)] == [True]
    assert fixed.check(fixed.fork, since=fixed.older).is_sound  # they part only later


def test_an_old_checkpoint_is_replayed(fixed: Fixed, copy: Path) -> None:
    replace(copy / "checkpoint", fixed.older.encode())
    assert fixed.check(copy).size == 100  # the beginning of a log is one
    (found,) = _pairs(fixed.check(copy, since=(fixed.copy / "checkpoint").read_text()))
    assert "it was rolled back" in found[1]


def test_a_checkpoint_ahead_of_what_is_there(fixed: Fixed, copy: Path) -> None:
    root = Prover(FolderCopy(copy)).root(SIZE)
    resigned(copy, SIZE + 5, root)
    assert ("tile/0/002.p/13", "is not there") in _pairs(fixed.check(copy))
    resigned(copy, SIZE, bytes(32))
    assert ("checkpoint", f"the root over its {SIZE} entries is another one") in _pairs(fixed.check(copy))
    resigned(copy, 10**12, root)
    (*_, last) = _pairs(fixed.check(copy))
    assert last == ("checkpoint", "much of its 1000000000000 entries is missing; the rest was not read")


def test_a_checkpoint_of_another_origin_or_key(fixed: Fixed, copy: Path) -> None:
    root = Prover(FolderCopy(copy)).root(SIZE)
    resigned(copy, SIZE, root, signer=NoteSigner.generate(SIGNER.name))
    with pytest.raises(RefusedError, match="not signed by a known key"):
        fixed.check(copy)
    other = NoteSigner.from_seed("log.example/b", SIGNER.secret_seed())
    resigned(copy, SIZE, root, signer=other)
    with pytest.raises(RefusedError, match=r"not signed by a known key of log\.example/b"):
        fixed.check(copy)
    both = LogPolicy(logs=(KnownLog(SIGNER.verifier), KnownLog(other.verifier)))
    assert fixed.check(copy, policy=both).is_sound
    (found,) = _pairs(fixed.check(copy, since=fixed.older, policy=both))
    assert "is of 'log.example/b'" in found[1]
    # Its own text signed by another log's key: the name in the signature is not the origin's.
    text = sign_checkpoint(Checkpoint(origin=SIGNER.name, size=SIZE, root=root), SIGNER).partition("\n\n")[0] + "\n"
    replace(copy / "checkpoint", other.sign(text).encode())
    with pytest.raises(RefusedError, match="not signed by a known key"):
        fixed.check(copy, policy=both)
    with pytest.raises(RefusedError, match="the checkpoint that was kept"):
        fixed.check(fixed.copy, since=NoteSigner.generate(SIGNER.name).sign(text))


def test_cosignatures_count_when_they_hold_and_are_not_of_the_future(fixed: Fixed, copy: Path) -> None:
    cosigner = Cosigner.from_seed("witness.example/w", bytes([9]) * 32)
    policy = LogPolicy(
        logs=(KnownLog(SIGNER.verifier),),
        witnesses={"w": Witness("w", cosigner.key)},
        groups={"g": Group(1, ("w",))},
        quorum="g",
    )
    note = (copy / "checkpoint").read_text()
    text = note.partition("\n\n")[0] + "\n"
    with pytest.raises(RefusedError, match="not the quorum"):
        fixed.check(copy, policy=policy)
    replace(copy / "checkpoint", (note + cosigner.cosign(text, NOW)).encode())
    assert fixed.check(copy, policy=policy).witnesses == {"w": "2026-06-01T00:00:00Z"}
    for line in (
        cosigner.cosign(text, NOW + timedelta(days=1)),
        cosigner.cosign(text.replace("\n520\n", "\n521\n"), NOW),
        Cosigner.from_seed("witness.example/w", bytes(32)).cosign(text, NOW),
    ):
        replace(copy / "checkpoint", (note + line).encode())
        with pytest.raises(RefusedError):
            fixed.check(copy, policy=policy)


def test_entries_that_two_readers_could_read_differently(fixed: Fixed, copy: Path) -> None:
    """A log that signs such an entry is not sound, though every hash is right."""
    entries = all_entries(copy)
    line = parse_ledger_line(entries[5], where="entry")
    assert line is not None
    good = entries[5]
    other = Digest.of(b"another")
    for entry in (
        good.replace(b'{"envelope":', b'{"envelope":"' + other.encode() + b'","envelope":'),
        good[:-1] + b',"subject":"' + other.encode() + b'"}',
        good[:-1] + b',"more":1}',
        good.replace(b",", b", "),
        good[:-1],
        b'{"envelope":1}',
    ):
        rewritten(copy, [*entries[:5], entry, *entries[6:]])
        found = _pairs(fixed.check(copy))
        assert [where for where, _ in found] == ["entry 5"], entry
    rewritten(copy, [*entries[:5], b"anything else", *entries[6:]])
    report = fixed.check(copy)
    assert (report.is_sound, report.other_entries) == (True, 1)


def test_an_entry_that_says_something_else_than_its_statement(fixed: Fixed, copy: Path) -> None:
    entries = all_entries(copy)
    for old, new in ((b"scan/v1", b"test/v1"), (Digest.of(b"7").encode(), Digest.of(b"8").encode())):
        changed = entries[7].replace(old, new)
        assert changed != entries[7]
        rewritten(copy, [*entries[:7], changed, *entries[8:]])
        (found,) = _pairs(fixed.check(copy, reads=True))
        assert found[0] == "entry 7"
        assert "says something else" in found[1]


def test_proofs_that_are_too_short_too_long_or_of_something_else(fixed: Fixed) -> None:
    with open_local_ledger(fixed.settings) as local:
        proof = local.prove("300")
    text = proof.to_text()
    check = fixed.checker()
    assert TlogProof.from_text(text, where="proof") == proof
    assert check.check_proof(proof, proof.extra).size == SIZE
    hashes = list(proof.hashes)
    wrong = [
        hashes[:-1], hashes[1:], [], [*hashes, bytes(32)], [bytes(32), *hashes], hashes[::-1], [*hashes, *hashes],
        [bytes(32)] * 63,
    ]  # fmt: skip
    for changed in wrong:
        spoilt = TlogProof(index=300, hashes=changed, checkpoint=proof.checkpoint, extra=proof.extra)
        with pytest.raises(InvalidInputError):
            check.check_proof(TlogProof.from_text(spoilt.to_text(), where="proof"), spoilt.extra)
    for index in (299, 301, SIZE, 0):
        with pytest.raises(InvalidInputError):
            check.check_proof(
                TlogProof(index=index, hashes=hashes, checkpoint=proof.checkpoint, extra=proof.extra), proof.extra
            )
    with pytest.raises(InvalidInputError):
        check.check_proof(proof, proof.extra + b" ")
    for broken in (
        text.replace("tlog-proof@v1", "tlog-proof@v2"),
        text.replace("index 300", "index 0300"),
        text.replace("index 300\n", ""),
        text.replace("index 300\n", "index 300\nAAAA\n"),
        text.replace("\n\n", "\n"),
        "index 300\n\n",
        "",
    ):
        with pytest.raises(TidegateError):
            check.check_proof(TlogProof.from_text(broken, where="proof"), proof.extra)
    with pytest.raises(NotFoundError), open_local_ledger(fixed.settings) as local:
        local.prove(str(SIZE))


@pytest.mark.tools
def test_go_agrees(fixed: Fixed, copy: Path) -> None:
    """What we find sound Go's own packages find sound, and what we find broken they do."""
    key = str(SIGNER.verifier)
    assert run_tlogcheck(key, copy).returncode == 0
    for path in ("tile/0/001", "tile/1/000.p/2", "tile/entries/000", "checkpoint"):
        content = (copy / path).read_bytes()
        replace(copy / path, content[:60] + bytes([content[60] ^ 1]) + content[61:])
        assert run_tlogcheck(key, copy).returncode == 1, path
        replace(copy / path, content)
    (copy.parent / "kept").write_text((fixed.fork / "checkpoint").read_text())
    assert run_tlogcheck(key, copy, copy.parent / "kept").returncode == 1
