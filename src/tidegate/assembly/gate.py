# SPDX-License-Identifier: Apache-2.0
"""The gate from settings: whose keys, whose policies."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.admission.gate import Gate
from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, UsageError
from tidegate.policy.document import load_policies
from tidegate.policy.profile import shipped_texts
from tidegate.policy.rule import Policy
from tidegate.settings import Settings
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.trust.book import TrustBook
from tidegate.trust.followed_key import FollowedKey

MAX_POLICY_BYTES: Final = 4 * MIB


def build_gate(settings: Settings) -> Gate:
    """Loads the policies and keys that the settings name; makes the signing key on first use.

    Raises:
        TidegateError: a file is missing, unreadable or wrong.
    """
    key = signing_key(settings.signing.key_file)
    trusted = TrustedKeys.of(
        [key.verifying, *TrustedKeys.load(settings.signing.trusted_keys).keys.values()],
    )
    policies = load_policy_files(settings)
    key_file = FollowedKey(settings.signing.key_file, key)
    return Gate(
        policies=policies,
        signer=key,
        trusted=trusted,
        verifier_id=settings.signing.verifier_id,
        admits_in_part=settings.curation.indexes_in_part,
        book=TrustBook(trusted, key.verifying),
        follow=key_file.choose,
    )


def load_policy_files(settings: Settings) -> tuple[Policy, ...]:
    """The policies in force, with their exceptions; the default profile when none is named.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    return load_policies(policy_texts(settings))


def policy_texts(settings: Settings) -> dict[str, str]:
    """The policies in force and their exceptions as they are written, by what errors call them.

    Raises:
        TidegateError: a file is missing.
    """
    files = {str(path): _text(path) for path in (*settings.policy.files, *settings.policy.exceptions)}
    return shipped_texts(settings.policy) | files


def signing_key(path: Path) -> SigningKey:
    """The key in a file; a new one, for its owner alone, when there is no file yet."""
    try:
        return SigningKey.load(path)
    except NotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(UsageError):  # another process was first: its key is the one
        SigningKey.generate().save(path)
    return SigningKey.load(path)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=MAX_POLICY_BYTES, what=str(path)).decode("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError("no such policy file", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError("is not UTF-8", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
