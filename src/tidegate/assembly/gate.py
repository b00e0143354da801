# SPDX-License-Identifier: Apache-2.0
"""The gate from settings: whose keys, whose policies."""

from pathlib import Path

from tidegate.admission.gate import Gate
from tidegate.errors import NotFoundError, UsageError
from tidegate.policy import Policy
from tidegate.policy.document import load_exceptions, load_policy
from tidegate.policy.profiles import default_policy
from tidegate.settings import Settings
from tidegate.signing.keys import SigningKey, TrustedKeys


def build_gate(settings: Settings) -> Gate:
    """Loads the policies and keys that the settings name; makes the signing key on first use.

    Raises:
        TidegateError: a file is missing, unreadable or wrong.
    """
    key = signing_key(settings.signing.key_file)
    trusted = TrustedKeys.of(
        [key.verifying, *TrustedKeys.load(settings.signing.trusted_keys).keys.values()],
    )
    return Gate(policies=load_policies(settings), signer=key, trusted=trusted, verifier_id=settings.signing.verifier_id)


def load_policies(settings: Settings) -> tuple[Policy, ...]:
    """The policies in force, with their exceptions; the shipped profile when none is named."""
    exceptions = [item for path in settings.policy.exceptions for item in load_exceptions(path)]
    if not settings.policy.files:
        return (default_policy(exceptions=exceptions),)
    return tuple(load_policy(path, exceptions=exceptions) for path in settings.policy.files)


def signing_key(path: Path) -> SigningKey:
    """The key in a file; a new one, for its owner alone, when there is no file yet."""
    try:
        return SigningKey.load(path)
    except NotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        SigningKey.generate().save(path)
    except UsageError:
        pass  # another process was first: its key is the one
    return SigningKey.load(path)
