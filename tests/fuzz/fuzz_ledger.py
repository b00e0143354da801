# SPDX-License-Identifier: Apache-2.0
"""What logs, witnesses and auditors send each other: notes, keys, policies, requests, proofs, tiles, entries."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fuzz_parser import Parser, text_of

from tidegate.admission.ledger_line import ledger_line, parse_ledger_line
from tidegate.artifact import Digest
from tidegate.evidence import SCAN
from tidegate.ledger.add_checkpoint import AddCheckpoint, read_size
from tidegate.ledger.checkpoint import Checkpoint, sign_checkpoint
from tidegate.ledger.cosignature import MLDSA_COSIGNATURE, Cosigner, CosignerKey
from tidegate.ledger.handover import hand_over, read_handovers, write_handovers
from tidegate.ledger.note import NoteSigner, open_note, split_key, split_note
from tidegate.ledger.note_key import EcdsaNoteKey, parse_note_key
from tidegate.ledger.policy import parse_policy
from tidegate.ledger.tile import Tile, pack_entries, split_entries, split_hashes
from tidegate.ledger.tlog_proof import TlogProof

_AT = datetime(2026, 6, 1, tzinfo=UTC)
_DIGEST = Digest("sha256:" + "ab" * 32)
_SIGNER = NoteSigner.from_seed("log.example/a", bytes(32))
_NEXT = NoteSigner.from_seed("log.example/a", b"n" * 32)
_COSIGNER = Cosigner.from_seed("w.example/w", bytes(32))
_PLAIN = Checkpoint(origin="log.example/a", size=7, root=b"r" * 32)
_NOTE = sign_checkpoint(_PLAIN, _SIGNER) + _COSIGNER.cosign(_PLAIN.to_text(), _AT)
_POLICY = f"""# a comment
log {_SIGNER.verifier} https://log.example/a
witness one {_COSIGNER.key} https://w.example/
group g any one
quorum g
"""


def ledger() -> Iterator[Parser]:
    """Readers of the ledger."""
    known = (_SIGNER.verifier, _COSIGNER.key)
    policy = parse_policy(_POLICY.encode(), where="policy")
    entries = [b"one", b"", b"three" * 9]
    yield _text("note-signatures", lambda text: (split_note(text), open_note(text, known)), _NOTE)
    yield _text("checkpoint-by-policy", lambda text: policy.accept(text, _AT), _NOTE)
    yield Parser(
        name="note-key",
        form="line",
        read=lambda data: (split_key(text_of(data)), parse_note_key(text_of(data))),
        samples=tuple(key.encode() for key in _keys()),
    )
    yield Parser(
        name="log-policy",
        form="text",
        read=lambda data: parse_policy(data, where="policy"),
        samples=(_POLICY.encode(),),
    )
    yield Parser(
        name="ledger-handovers",
        form="json",
        read=read_handovers,
        samples=(write_handovers((hand_over(_SIGNER, _NEXT, _PLAIN, _AT),)),),
    )
    yield Parser(
        name="add-checkpoint",
        form="text",
        read=AddCheckpoint.from_body,
        samples=(AddCheckpoint(old_size=5, proof=(b"h" * 32,), note=_NOTE).to_body(),),
    )
    yield Parser(name="tree-size", form="line", read=read_size, samples=(b"20852014\n", b"0\n"))
    yield _text(
        "tlog-proof",
        lambda text: TlogProof.from_text(text, where="proof"),
        TlogProof(index=3, hashes=(b"h" * 32,), checkpoint=_NOTE, extra=b"entry").to_text(),
    )
    yield _text("tile-path", Tile.parse, "tile/0/x001/x234/067.p/5", "tile/entries/000")
    yield Parser(
        name="entry-bundle",
        form="binary",
        read=lambda data: split_entries(data, Tile(-1, 0, 3)),
        samples=(pack_entries(entries),),
    )
    yield Parser(name="tile", form="binary", read=lambda data: split_hashes(data, Tile(0, 0, 2)), samples=(b"h" * 64,))
    yield Parser(
        name="ledger-line",
        form="json",
        read=lambda data: parse_ledger_line(data, where="entry"),
        samples=(ledger_line(_DIGEST, _DIGEST, SCAN),),
    )


def _text(name: str, read: Callable[[str], object], *samples: str) -> Parser:
    return Parser(
        name=name,
        form="text",
        read=lambda data: read(text_of(data)),
        samples=tuple(sample.encode() for sample in samples),
    )


def _keys() -> Iterator[str]:
    yield str(_SIGNER.verifier)
    yield str(_COSIGNER.key)
    spki = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    public = spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = EcdsaNoteKey.of("log.example/e", public)
    yield f"{key.name}+{key.key_id.hex()}+{base64.b64encode(bytes([2]) + public).decode()}"
    quantum = MLDSA44PrivateKey.from_seed_bytes(bytes(32)).public_key().public_bytes_raw()
    yield str(CosignerKey.of("w.example/q", MLDSA_COSIGNATURE, quantum))
