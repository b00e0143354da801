# SPDX-License-Identifier: Apache-2.0
"""All forms of signatures on commits and tags, by the trust that was given for each."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Final

from tidegate.development.commits.openpgp import OpenPgpKeys, open_keys
from tidegate.development.commits.signature import NO_SIGNATURE, SignatureFinding, form_of
from tidegate.development.commits.ssh_signature import SshTrust, find_ssh_signature
from tidegate.development.commits.x509 import X509Trust, find_x509_signature
from tidegate.development.git.objects import Commit, Signed, Tag
from tidegate.evidence.predicates.commits import SignatureState
from tidegate.values import Struct

_MAX_TIME: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())


class Trust(Struct, frozen=True, kw_only=True):
    """Whose signatures count.

    Attributes:
        ssh: allowed signers and revoked keys.
        openpgp: exported keys; b"" for none. `openpgp_file` is their name in errors.
        x509: roots; None for none.
    """

    ssh: SshTrust = SshTrust()
    openpgp: bytes = b""
    openpgp_file: str = "OpenPGP keys"
    x509: X509Trust | None = None


class Verifier:
    """Looks at signatures. Use `open_verifier`."""

    def __init__(self, trust: Trust, keys: OpenPgpKeys | None) -> None:
        self._trust = trust
        self._keys = keys

    def of_commit(self, commit: Commit) -> SignatureFinding:
        """What was found of a commit's signature."""
        if commit.defect:
            return SignatureFinding(state=SignatureState.UNREADABLE, detail=commit.defect)
        return self._of(commit.signed, at=commit.committer.at)

    def of_tag(self, tag: Tag) -> SignatureFinding:
        """What was found of a tag's signature."""
        return self._of(tag.signed, at=tag.tagger.at if tag.tagger else 0)

    def _of(self, signed: Signed | None, *, at: int) -> SignatureFinding:
        if signed is None:
            return NO_SIGNATURE
        form = form_of(signed.signature)
        moment = min(at, _MAX_TIME)
        if form == "ssh":
            return find_ssh_signature(signed, self._trust.ssh, at=moment)
        if form == "openpgp":
            return self._keys.find(signed) if self._keys else _untrusted(form)
        if form == "x509":
            return find_x509_signature(signed, self._trust.x509, at=moment) if self._trust.x509 else _untrusted(form)
        return SignatureFinding(state=SignatureState.UNREADABLE, detail="a form nobody knows")


@contextmanager
def open_verifier(trust: Trust) -> Iterator[Verifier]:
    """A verifier for as long as this lasts.

    Raises:
        InvalidInputError: the OpenPGP keys cannot be read.
        OutsideError: gpg cannot be run.
    """
    with ExitStack() as stack:
        keys = stack.enter_context(open_keys(trust.openpgp, where=trust.openpgp_file)) if trust.openpgp else None
        yield Verifier(trust, keys)


def _untrusted(form: str) -> SignatureFinding:
    return SignatureFinding(state=SignatureState.UNKNOWN_KEY, form=form, detail="no keys of this form are trusted")
