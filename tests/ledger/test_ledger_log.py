# SPDX-License-Identifier: Apache-2.0
"""The log against RFC 6962's own recursion and the certificate-transparency test tree."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, event, func, select, update
from sqlalchemy.pool import StaticPool

from tidegate import ledger
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError
from tidegate.ledger import MAX_ENTRY_BYTES
from tidegate.ledger.proof import EMPTY_ROOT
from tidegate.storage.ledger_schema import ledger_entry, ledger_tile
from tidegate.storage.schema import metadata

AT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

# The entries and roots every certificate-transparency implementation is tested with.
CT_ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_PATH_0_OF_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]


@pytest.fixture
def log() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def fill(log: Connection, count: int) -> list[bytes]:
    entries = [f"entry {at}".encode() for at in range(count)]
    assert [ledger.append(log, entry, AT) for entry in entries] == list(range(count))
    return entries


def rfc_root(entries: list[bytes]) -> bytes:
    """`MTH(D[n])`, written down from section 2.1 as it stands there."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + rfc_root(entries[:k]) + rfc_root(entries[k:])).digest()


def rfc_path(m: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = 1 << (len(entries) - 1).bit_length() - 1
    if m < k:
        return [*rfc_path(m, entries[:k]), rfc_root(entries[k:])]
    return [*rfc_path(m - k, entries[k:]), rfc_root(entries[:k])]


def rfc_subproof(m: int, entries: list[bytes], *, whole: bool = True) -> list[bytes]:
    n = len(entries)
    if m == n:
        return [] if whole else [rfc_root(entries)]
    k = 1 << (n - 1).bit_length() - 1
    if m <= k:
        return [*rfc_subproof(m, entries[:k], whole=whole), rfc_root(entries[k:])]
    return [*rfc_subproof(m - k, entries[k:], whole=False), rfc_root(entries[:k])]


def test_the_certificate_transparency_tree(log: Connection) -> None:
    assert ledger.root(log, 0) == EMPTY_ROOT
    for entry, expected in zip(CT_ENTRIES, CT_ROOTS, strict=True):
        index = ledger.append(log, bytes.fromhex(entry), AT)
        assert ledger.root(log, index + 1).hex() == expected
    assert [item.hex() for item in ledger.inclusion_proof(log, 0, 8)] == CT_PATH_0_OF_8


def test_every_proof_of_every_size_up_to_64(log: Connection) -> None:
    entries = fill(log, 64)
    roots = [ledger.root(log, size) for size in range(65)]
    assert roots == [rfc_root(entries[:size]) for size in range(65)]
    for size in range(1, 65):
        for index in range(size):
            proof = ledger.inclusion_proof(log, index, size)
            assert list(proof) == rfc_path(index, entries[:size])
            leaf = ledger.leaf_hash(entries[index])
            ledger.verify_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=roots[size])
        for old in range(size + 1):
            proof = ledger.consistency_proof(log, old, size)
            assert list(proof) == (rfc_subproof(old, entries[:size]) if old else [])
            ledger.verify_consistency(
                old_size=old, new_size=size, old_root=roots[old], new_root=roots[size], proof=proof
            )


@pytest.mark.property
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(st.binary(max_size=40), min_size=2, max_size=40), data=st.data())
def test_a_changed_bit_anywhere_is_seen(entries: list[bytes], data: st.DataObject) -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.connect() as log:
        for entry in entries:
            ledger.append(log, entry, AT)
        size = data.draw(st.integers(2, len(entries)))
        index = data.draw(st.integers(0, size - 1))
        proof = list(ledger.inclusion_proof(log, index, size))
        root, leaf = ledger.root(log, size), ledger.leaf_hash(ledger.entry_at(log, index))
    engine.dispose()
    ledger.verify_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
    at, bit = data.draw(st.integers(0, len(proof) + 1)), 1 << data.draw(st.integers(0, 7))
    parts = [leaf, root, *proof]
    parts[at] = bytes([parts[at][0] ^ bit]) + parts[at][1:]
    with pytest.raises(InvalidInputError):
        ledger.verify_inclusion(index=index, size=size, leaf=parts[0], proof=parts[2:], root=parts[1])
    for wrong in (proof[:-1], [*proof, leaf]):
        with pytest.raises(InvalidInputError):
            ledger.verify_inclusion(index=index, size=size, leaf=leaf, proof=wrong, root=root)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 7), (4, 7), (6, 8), (7, 8)])
def test_a_rewritten_past_is_not_consistent(log: Connection, old: int, new: int) -> None:
    entries = fill(log, 8)
    proof = ledger.consistency_proof(log, old, new)
    other = rfc_root([b"other", *entries[1:old]])
    with pytest.raises(InvalidInputError, match="root"):
        ledger.verify_consistency(
            old_size=old, new_size=new, old_root=other, new_root=ledger.root(log, new), proof=proof
        )
    for at in range(len(proof)):
        broken = [*proof[:at], bytes(32), *proof[at + 1 :]]
        with pytest.raises(InvalidInputError):
            ledger.verify_consistency(
                old_size=old,
                new_size=new,
                old_root=ledger.root(log, old),
                new_root=ledger.root(log, new),
                proof=broken,
            )


def test_consistency_needs_its_hashes(log: Connection) -> None:
    fill(log, 3)
    old, new = ledger.root(log, 2), ledger.root(log, 3)
    for proof in ([], [bytes(32)] * 2, [bytes(31)], [bytes(32)] * 65):
        with pytest.raises(InvalidInputError):
            ledger.verify_consistency(old_size=2, new_size=3, old_root=old, new_root=new, proof=proof)
    with pytest.raises(InvalidInputError):
        ledger.verify_consistency(old_size=3, new_size=2, old_root=new, new_root=old, proof=[])
    with pytest.raises(InvalidInputError):
        ledger.verify_consistency(old_size=3, new_size=3, old_root=old, new_root=new, proof=[])


def test_what_is_not_there_is_not_proved(log: Connection) -> None:
    fill(log, 3)
    for index, size in ((3, 3), (-1, 3), (0, 4), (0, 0)):
        with pytest.raises(NotFoundError):
            ledger.inclusion_proof(log, index, size)
    for old, new in ((2, 1), (1, 4), (-1, 2)):
        with pytest.raises(NotFoundError):
            ledger.consistency_proof(log, old, new)
    with pytest.raises(NotFoundError):
        ledger.entry_at(log, 3)
    with pytest.raises(NotFoundError):
        ledger.root(log, 4)
    with pytest.raises(InvalidInputError):
        ledger.verify_inclusion(index=3, size=3, leaf=bytes(32), proof=[], root=bytes(32))


def test_an_entry_has_a_bound(log: Connection) -> None:
    assert ledger.append(log, bytes(MAX_ENTRY_BYTES), AT) == 0
    with pytest.raises(BoundExceededError, match="MAX_ENTRY_BYTES"):
        ledger.append(log, bytes(MAX_ENTRY_BYTES + 1), AT)
    assert ledger.size(log) == 1


def test_an_append_that_is_rolled_back_leaves_nothing(log: Connection) -> None:
    fill(log, 5)
    log.commit()
    before = ledger.root(log, 5)
    ledger.append(log, b"lost", AT)
    log.rollback()
    assert ledger.size(log) == 5
    assert ledger.append(log, b"kept", AT) == 5
    assert ledger.root(log, 5) == before


def test_a_lost_tile_is_made_again_and_one_that_cannot_be_is_named(log: Connection) -> None:
    entries = fill(log, 600)
    expected = rfc_root(entries)
    assert ledger.root(log, 600) == expected
    log.execute(update(ledger_tile).where(ledger_tile.c.index == 0).values(index=7))
    with pytest.raises(OutsideError, match=r"lacks tile/1/000\.p/2"):
        ledger.root(log, 600)
    log.execute(update(ledger_tile).where(ledger_tile.c.index == 7).values(index=0))
    log.execute(delete(ledger_entry).where(ledger_entry.c.index == 550))
    with pytest.raises(OutsideError, match="entry 550 is missing"):
        ledger.root(log, 600)


def test_large_trees_are_those_of_the_rfc(log: Connection) -> None:
    """Over the borders of tiles: 1, 255, 256, 257 and more, and a second level."""
    entries = [str(number).encode() for number in range(66_300)]
    sizes = (1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000, 66_300)
    for at, size in zip((0, *sizes), sizes, strict=False):
        assert ledger.append_all(log, entries[at:size], AT) == at
    roots = {size: ledger.root(log, size) for size in sizes}
    for size in (*sizes[:6], 65_536, 66_300):
        assert roots[size] == rfc_root(entries[:size])
    for size in sizes:
        for index in {0, size // 2, size - 1, max(size - 256, 0), size & ~255 if size & 255 else 0}:
            proof = ledger.inclusion_proof(log, index, size)
            leaf = ledger.leaf_hash(entries[index])
            ledger.verify_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=roots[size])
        for old in sizes:
            if old <= size:
                proof = ledger.consistency_proof(log, old, size)
                ledger.verify_consistency(
                    old_size=old, new_size=size, old_root=roots[old], new_root=roots[size], proof=proof
                )
    closed = log.execute(select(ledger_tile.c.level, func.count()).group_by(ledger_tile.c.level)).all()
    assert sorted(map(tuple, closed)) == [(0, 258), (1, 1)]


def test_an_append_costs_the_same_in_a_long_log(log: Connection) -> None:
    statements: list[tuple[str, object]] = []
    event.listen(log, "before_cursor_execute", lambda *args: statements.append((args[2], args[3])))
    costs = []
    for at in range(513):
        statements.clear()
        ledger.append(log, str(at).encode(), AT)
        costs.append(len(statements))
        if costs[-1] > 2:
            selects = [(sql, values) for sql, values in statements if sql.startswith("SELECT")]
    assert costs == [4 if at % 256 == 255 else 2 for at in range(513)]  # size, entry; 256 entries, their tile
    plans = [log.exec_driver_sql(f"explain query plan {sql}", values).all() for sql, values in selects]  # type: ignore[arg-type]  # what the driver was given
    assert len(plans) == 2
    assert not [step for plan in plans for step in plan if "SCAN" in step[3]]


def test_many_at_once_are_all_or_none(log: Connection) -> None:
    fill(log, 3)
    with pytest.raises(BoundExceededError):
        ledger.append_all(log, [b"short", bytes(MAX_ENTRY_BYTES + 1)], AT)
    assert ledger.append_all(log, [], AT) == 3
    assert ledger.append_all(log, [b"a", b"b"], AT) == 3
    assert ledger.size(log) == 5
