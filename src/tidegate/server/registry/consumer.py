# SPDX-License-Identifier: Apache-2.0
"""Who pulls, in curation's words."""

from starlette.requests import Request

from tidegate.curation.consumer import Consumer
from tidegate.server.authentication import client_of, principal_of


def consumer_of(request: Request) -> Consumer:
    """The consumer behind a request that passed `Authenticated`."""
    principal = principal_of(request)
    return Consumer(
        name=principal.name,
        groups=principal.groups,
        address=client_of(request).address,
        is_anonymous=principal.is_anonymous,
    )
