# SPDX-License-Identifier: Apache-2.0
"""An issuer's public keys: found by OpenID Connect Discovery 1.0, kept a while, looked up anew when it rotates them."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tidegate.bounds import KIB
from tidegate.errors import InvalidInputError, OutsideError, TidegateError
from tidegate.outbound import Outbound
from tidegate.outbound.address import check_url
from tidegate.wire import from_json

MAX_DOCUMENT_BYTES: Final = 256 * KIB
MAX_KEYS: Final = 100
FRESH_SECONDS: Final = 3600.0
"""How long keys are taken without a look."""
STALE_SECONDS: Final = 6 * 3600.0
"""How long they are taken when the issuer cannot be reached."""
LOOK_AGAIN_SECONDS: Final = 30.0
"""How often an unknown key, or a failure, makes us look: tokens with made-up key ids cause no storm."""
_DISCOVERY: Final = "/.well-known/openid-configuration"


class IssuerKeys:
    """The keys of one issuer. Safe for threads.

    Args:
        url: of the issuer.
        outbound: fetches.
        monotonic: seconds that only grow.
    """

    def __init__(self, url: str, outbound: Outbound, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._outbound = outbound
        self._monotonic = monotonic
        self._lock = Lock()
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._looked_at = float("-inf")

    def with_id(self, kid: str) -> KeySet:
        """The keys, after another look when none of them has this id.

        Raises:
            OutsideError: they cannot be had, and those known are too old.
        """
        with self._lock:
            now = self._monotonic()
            fresh = self._keys is not None and now < self._fetched_at + FRESH_SECONDS
            known = self._keys is not None and any(key.kid == kid for key in self._keys.keys)
            if (not fresh or not known) and now >= self._looked_at + LOOK_AGAIN_SECONDS:
                self._look(now)
            if self._keys is None or now >= self._fetched_at + STALE_SECONDS:
                raise OutsideError("the issuer's keys cannot be had", where=self._url, remedy="try again shortly")
            return self._keys

    def _look(self, now: float) -> None:
        self._looked_at = now
        try:
            self._keys = self._fetched()
        except TidegateError:
            if self._keys is None or now >= self._fetched_at + STALE_SECONDS:
                raise
            return
        self._fetched_at = now

    def _fetched(self) -> KeySet:
        found = self._document(self._url.rstrip("/") + _DISCOVERY)
        if found.get("issuer") != self._url:
            raise OutsideError("the discovery document speaks for another issuer", where=self._url)
        uri = found.get("jwks_uri")
        if not isinstance(uri, str):
            raise OutsideError("the discovery document names no keys", where=self._url)
        document = self._document(check_url(uri))
        try:
            keys = KeySet.import_key_set(_public(document))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OutsideError("the issuer's keys cannot be read", where=self._url) from error
        return keys

    def _document(self, url: str) -> dict[str, Any]:
        try:
            raw = self._outbound.get_bytes(url, max_bytes=MAX_DOCUMENT_BYTES)
            return from_json(raw, dict[str, Any], what=url, max_bytes=MAX_DOCUMENT_BYTES)
        except InvalidInputError as error:
            raise OutsideError(f"the issuer's document cannot be read: {error.what}", where=self._url) from error


def _public(document: dict[str, Any]) -> Any:
    """The asymmetric signing keys of a set: a shared secret there would let anybody who reads it sign."""
    keys = document.get("keys")
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise ValueError("no list of keys")
    wanted = [key for key in keys if isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"}]
    return {"keys": [key for key in wanted if key.get("use", "sig") == "sig"]}
