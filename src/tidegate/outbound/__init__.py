# SPDX-License-Identifier: Apache-2.0
"""The one place that makes HTTP calls outward: limits, redirects, retries, resumed downloads.

`Outbound.get_bytes` for small documents, `Outbound.download` for files, `Outbound.stream` and `Outbound.request` for
protocols such as the registry's.
"""

from tidegate.outbound.body import Body
from tidegate.outbound.client import Authorizer, Outbound
from tidegate.outbound.download import Downloaded
from tidegate.outbound.options import OutboundOptions
from tidegate.outbound.pace import Pace
from tidegate.outbound.reach import Opening, Reach
from tidegate.outbound.reply import Reply, check_reply

__all__ = [
    "Authorizer",
    "Body",
    "Downloaded",
    "Opening",
    "Outbound",
    "OutboundOptions",
    "Pace",
    "Reach",
    "Reply",
    "check_reply",
]
