# SPDX-License-Identifier: Apache-2.0
"""What a licence asks of who passes the software on, in one word."""

from enum import StrEnum


class LicenseClass(StrEnum):
    """Classes, the least demanding first."""

    PUBLIC_DOMAIN = "public-domain"
    PERMISSIVE = "permissive"
    WEAK_COPYLEFT = "weak-copyleft"
    """Changes of the component itself stay open: LGPL, MPL, EPL."""
    COPYLEFT = "copyleft"
    """What it is combined with as well: GPL."""
    NETWORK_COPYLEFT = "network-copyleft"
    """Also towards who uses it over a network: AGPL."""
    SOURCE_AVAILABLE = "source-available"
    """The source may be read, not used for everything: SSPL, BUSL, Elastic."""
    PROPRIETARY = "proprietary"

    @property
    def rank(self) -> int:
        """0 for public domain to 6 for proprietary."""
        return list(LicenseClass).index(self)
