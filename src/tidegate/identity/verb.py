# SPDX-License-Identifier: Apache-2.0
"""What can be done to a repository, and to the server as a whole."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum

from tidegate.errors import InvalidInputError


class Verb(StrEnum):
    """What a grant allows. The first four are asked of repositories by clients, the others by the management API."""

    PULL = "pull"
    PUSH = "push"
    DELETE = "delete"
    LIST = "list"  # names and tags, without content; in the API: everything that only reads
    ADMIT = "admit"  # put before a gate, have judged again
    APPROVE = "approve"  # decide what another asked for
    AUDIT = "audit"  # read who did what
    INVESTIGATE = "investigate"  # see forensic captures: secrets of workloads may be in them
    REPORT = "report"  # say what is seen on nodes, and take orders for them
    RESPOND = "respond"  # contain what runs, and let it go again
    TRUST = "trust"  # say whose signatures count; asked of the server as a whole
    GOVERN = "govern"  # set rules of intake and of keeping
    ADMINISTER = "administer"  # principals, grants, tenants, and whatever has no verb of its own


def parse_verbs(texts: Iterable[str]) -> frozenset[Verb]:
    """Reads verbs by their names.

    Raises:
        InvalidInputError: there is none, or one is unknown.
    """
    found = set()
    for text in texts:
        try:
            found.add(Verb(text))
        except ValueError as error:
            near = get_close_matches(text, [verb.value for verb in Verb], n=1)
            remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(Verb)}"
            raise InvalidInputError(f"no such verb: {text[:40]!r}", remedy=remedy) from error
    if not found:
        raise InvalidInputError("no verb", remedy=f"name some of {', '.join(Verb)}")
    return frozenset(found)
