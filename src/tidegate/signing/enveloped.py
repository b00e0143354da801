# SPDX-License-Identifier: Apache-2.0
"""The DSSE envelope in what hangs on an artifact: the content itself, or a Sigstore bundle around it."""

from typing import Any

from tidegate.errors import InvalidInputError
from tidegate.signing.bounds import MAX_BUNDLE_BYTES
from tidegate.wire import demand_unique_keys, from_json, to_json

_ENVELOPE = "dsseEnvelope"


def envelope_in(content: bytes) -> bytes:
    """An envelope, verified by nobody yet; of a bundle the envelope alone, whose signed bytes stay as they are.

    What proves a bundle beside the key (a certificate, a log entry) is not looked at: `tidegate.verification` does.

    Raises:
        InvalidInputError: it is no JSON object, too long, or a bundle of which two readers could read two things.
    """
    document = from_json(content, dict[str, Any], what="envelope", max_bytes=MAX_BUNDLE_BYTES)
    if _ENVELOPE not in document:
        return content
    if not isinstance(document[_ENVELOPE], dict):
        raise InvalidInputError("a bundle without an envelope", where="envelope")
    demand_unique_keys(content, what="envelope")
    return to_json(document[_ENVELOPE])
