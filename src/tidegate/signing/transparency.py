# SPDX-License-Identifier: Apache-2.0
"""Proofs of transparency logs and timestamp authorities, checked with no network against a trusted root of sigstore.

The `sigstore` library checks Merkle proofs, checkpoints, promises, certificate timestamps and RFC 3161 responses. Its
own verifier takes nothing but bundles of certificates; signatures of keys and of cosign's tags have such proofs too, so
its parts are used one by one. Its import takes half a second: only `TrustedRoot.load` does it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from tidegate.bounds import MIB, printable, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, RefusedError
from tidegate.signing.certificate import Roots
from tidegate.signing.envelope import unbase64
from tidegate.signing.found import FoundSignature
from tidegate.signing.log_entry import demand_agreement
from tidegate.wire import to_json

MAX_ROOT_BYTES: Final = 4 * MIB
"""Longest trusted root read."""
_SKEW: Final = timedelta(minutes=5)
_MIN_AUTHORITY: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What logs and authorities prove of a signature.

    Attributes:
        times: moments at which it existed, as somebody trusted says; the earliest first.
        entries: `LOG_ID:INDEX` of each log entry that holds.
    """

    times: tuple[datetime, ...] = ()
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """Keys of logs, certificates of authorities (protobuf-specs `sigstore_trustroot.proto`)."""

    _root: Any = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a `trusted_root.json`.

        Raises:
            NotFoundError: there is no such file.
            InvalidInputError: it is no trusted root.
            OutsideError: the disk failed.
        """
        try:
            with path.open("rb") as file:
                raw = read_bounded(file, max_bytes=MAX_ROOT_BYTES, what=str(path))
        except FileNotFoundError as error:
            raise NotFoundError("no such trusted root", where=str(path)) from error
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
        from sigstore.errors import Error
        from sigstore.models import TrustedRoot as Known
        from sigstore_models.trustroot.v1 import TrustedRoot as Inner

        try:
            return cls(Known(Inner.from_json(raw)))
        except (Error, ValueError) as error:
            raise InvalidInputError("no trusted root of sigstore", where=str(path)) from error

    def verify(self, found: FoundSignature, verifier: bytes, *, at: datetime) -> Logged:
        """Checks every log entry and timestamp a signature brings; one that does not hold refuses the whole.

        Args:
            found: the signature.
            verifier: who made it: the certificate, or the public key, in DER.
            at: now; what was logged later is refused.

        Raises:
            RefusedError: a proof does not hold, or speaks of something else; it says which.
            InvalidInputError: a proof is malformed.
        """
        times: list[datetime] = []
        entries: list[str] = []
        for entry in found.log.entries:
            demand_agreement(entry, found, verifier)
            promised = self._entry(entry, found.where)
            times += [promised] if promised else []
            entries.append(f"{_log_id(entry, found.where)[:12]}:{entry.get('logIndex', '0')}")
        times += [self._timestamp(stamp, found) for stamp in found.log.timestamps]
        if any(time > at + _SKEW for time in times):
            raise RefusedError("was logged in the future", where=found.where)
        for log in {_log_id(entry, found.where) for entry in found.log.entries}:
            self._demand_in_force(log, times, found.where)
        return Logged(times=tuple(sorted(times)), entries=tuple(entries))

    def verify_certificate(self, found: FoundSignature, logged: Logged) -> None:
        """Demands that the signer's certificate held when it signed, and that a certificate log knows it.

        Raises:
            RefusedError: no trusted time tells when it signed, the certificate did not hold then, or no log knows it.
        """
        from sigstore._internal.sct import verify_sct
        from sigstore._internal.trust import KeyringPurpose
        from sigstore.errors import Error

        if found.certificate is None:
            raise InvalidInputError("carries no certificate", where=found.where)
        if not logged.times:
            raise RefusedError("nobody trusted says when it was signed", where=found.where)
        try:
            roots = Roots(tuple(self._root.get_fulcio_certs()))
        except Error as error:
            raise RefusedError(f"no authority is trusted: {_words(error)}") from error
        chains = [roots.verify(found.certificate, time) for time in logged.times]
        try:
            verify_sct(found.certificate.leaf, list(chains[0][1:]), self._root.ct_keyring(KeyringPurpose.VERIFY))
        except (Error, ValueError, IndexError) as error:
            raise RefusedError(f"no certificate log knows the certificate: {_words(error)}") from error

    def _entry(self, entry: Mapping[str, Any], where: str) -> datetime | None:
        """Checks a log entry by its proof and its promise, of which one must be there; returns the promised time."""
        from sigstore._internal.trust import KeyringPurpose
        from sigstore.errors import Error
        from sigstore.models import TransparencyLogEntry
        from sigstore_models.rekor.v1 import TransparencyLogEntry as Inner

        promise = entry.get("inclusionPromise")
        proof = entry.get("inclusionProof")
        if not proof and not promise:
            raise RefusedError("a log entry has neither a proof nor a promise", where=where)
        try:
            keys = self._root.rekor_keyring(KeyringPurpose.VERIFY)
            if proof:
                TransparencyLogEntry(Inner.from_json(to_json(entry)))._verify(keys)  # noqa: SLF001 - see above
            if promise:
                signature = unbase64(str(promise.get("signedEntryTimestamp", "")), where)
                signed = _promised(entry, where)
                keys.verify(key_id=bytes.fromhex(_log_id(entry, where)), signature=signature, data=signed)
        except (Error, ValueError, AttributeError, TypeError) as error:
            raise RefusedError(f"its log entry does not hold: {_words(error)}", where=where) from error
        return datetime.fromtimestamp(_number(entry, "integratedTime", where), UTC) if promise else None

    def _demand_in_force(self, log_id: str, times: Sequence[datetime], where: str) -> None:
        """Demands that a log was in use when it took an entry in: a key that was retired may be anybody's."""
        for log in self._root._inner.tlogs:  # noqa: SLF001 - its own keyring looks at the end of no key
            span = log.public_key.valid_for
            if log.log_id.key_id.hex() != log_id or span is None:
                continue
            if any((span.start and time < span.start) or (span.end and time > span.end) for time in times):
                raise RefusedError("its log was not in use at that time", where=where)

    def _timestamp(self, stamp: bytes, found: FoundSignature) -> datetime:
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

        try:
            response = decode_timestamp_response(stamp)
            moment = response.tst_info.gen_time
        except ValueError as error:
            raise InvalidInputError("a timestamp is malformed", where=found.where) from error
        for authority in self._root.get_timestamp_authorities():
            chain = authority.certificates(allow_expired=True)
            if len(chain) < _MIN_AUTHORITY or not _within(authority, moment):
                continue
            builder = VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
            for certificate in chain[1:-1]:
                builder = builder.add_intermediate_certificate(certificate)
            try:
                builder.build().verify_message(response, found.signatures[0].signature)
            except (VerificationError, ValueError):
                continue
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        raise RefusedError("no trusted authority made its timestamp", where=found.where)


def _within(authority: Any, moment: datetime) -> bool:
    start, end = authority.validity_period_start, authority.validity_period_end
    return bool(start <= moment and (end is None or moment <= end))


def _promised(entry: Mapping[str, Any], where: str) -> bytes:
    """What a log signs when it promises to take an entry in (RFC 8785)."""
    return to_json(
        {
            "body": str(entry.get("canonicalizedBody", "")),
            "integratedTime": _number(entry, "integratedTime", where),
            "logID": _log_id(entry, where),
            "logIndex": _number(entry, "logIndex", where),
        }
    )


def _log_id(entry: Mapping[str, Any], where: str) -> str:
    log_id = entry.get("logId")
    return unbase64(str(log_id.get("keyId", "")) if isinstance(log_id, dict) else "", where).hex()


def _number(entry: Mapping[str, Any], name: str, where: str) -> int:
    text = str(entry.get(name, "0"))
    if not text.isascii() or not text.isdecimal() or len(text) > 15:  # noqa: PLR2004 - a million years
        raise InvalidInputError(f"the {name} of its log entry is no number", where=where)
    return int(text)


def _words(error: Exception) -> str:
    return printable(str(error) or type(error).__name__)[:200]
