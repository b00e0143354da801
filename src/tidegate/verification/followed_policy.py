# SPDX-License-Identifier: Apache-2.0
"""A trust policy that is followed while a server runs: what its files say now is what counts."""

import logging
from pathlib import Path

from tidegate.errors import TidegateError
from tidegate.verification.document import load_trust_policy
from tidegate.verification.policy import TrustPolicy

_log = logging.getLogger(__name__)


class FollowedTrustPolicy:
    """Reads the policy, and the keys, certificates and root it names, for each who asks: some milliseconds.

    That is nothing beside the scan of the image that is judged by it, and no look at times and sizes can miss a change.
    Safe for threads.

    Args:
        path: of the policy.

    Raises:
        TidegateError: as `load_trust_policy`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = load_trust_policy(path)

    def now(self) -> TrustPolicy:
        """What the files say; while they are broken or away, what they said last, with a warning."""
        try:
            self._last = load_trust_policy(self._path)
        except TidegateError as error:
            _log.warning("the trust policy cannot be read (%s); what it said before counts on", error)
        return self._last
