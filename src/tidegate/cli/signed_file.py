# SPDX-License-Identifier: Apache-2.0
"""Reads a file that may have a signature around what it says: verified where a trust policy says whom to trust."""

from pathlib import Path

from tidegate.cli.call import Call
from tidegate.cli.named_file import read_named_file
from tidegate.errors import InvalidInputError


def read_signed_file(call: Call, path: Path, *, max_bytes: int) -> bytes:
    """Reads a document; out of its envelope or bundle, when it is in one.

    Raises:
        RefusedError: nobody whom the trust policy names signed it.
        TidegateError: it cannot be read, or its signature is malformed.
    """
    raw = read_named_file(path, max_bytes=max_bytes)
    from tidegate.verification.signed_file import signed_document, vouchers_of

    policy = call.settings().signing.trust_policy_file
    try:
        found = signed_document(raw, where=str(path))
    except InvalidInputError:
        if policy is not None:
            raise
        found = None  # as before: whoever reads the document says what is wrong with it
    if found is None:
        return raw
    from tidegate.wire import to_json

    if policy is None:
        call.warn(f"{path}: its signature is not verified; name whom to trust in signing.trust_policy_file")
    else:
        from tidegate.clock import system_clock
        from tidegate.verification.document import load_trust_policy

        vouchers = vouchers_of(found, load_trust_policy(policy), system_clock())
        call.note(f"{path}: signed by {', '.join(f'{one.authority} ({one.who.strip()})' for one in vouchers)}")
    return to_json(found.claim.predicate)
