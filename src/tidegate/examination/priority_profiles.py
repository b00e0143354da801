# SPDX-License-Identifier: Apache-2.0
"""What a sector sees exploited and what hurts it most, as points on the traits of a flaw: one table, each with its why.

Points are only ever added, so that a profile moves what matters to a team up and never hides anything.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tidegate.errors import NotFoundError
from tidegate.values import Struct


class Trait(StrEnum):
    """What can be told of a flaw from its vector and the catalogues."""

    REMOTE = "remote"
    """Attacked over a network."""
    ALONE = "alone"
    """Attacked over a network, without an account and without anybody's help."""
    CONFIDENTIALITY = "confidentiality"
    """Gives away all that the component holds."""
    INTEGRITY = "integrity"
    """Lets everything be changed."""
    AVAILABILITY = "availability"
    """Stops it."""
    EXPLOITED = "exploited"
    RANSOMWARE = "ransomware"


class Weight(Struct, frozen=True, kw_only=True):
    """Points for one trait, why, and where that is written."""

    trait: Trait
    points: float
    why: str
    reference: str


class Profile(Struct, frozen=True, kw_only=True):
    """What one sector adds."""

    name: str
    title: str
    weights: tuple[Weight, ...]


def profile_named(name: str) -> Profile | None:
    """Returns a sector's profile; None for `none` and for "".

    Raises:
        NotFoundError: there is no such profile.
    """
    if name in {"", "none"}:
        return None
    if name not in PROFILES:
        raise NotFoundError("no such sector profile", where=name[:60], remedy=f"one of none, {', '.join(PROFILES)}")
    return PROFILES[name]


def _weight(trait: Trait, points: float, why: str, reference: str) -> Weight:
    return Weight(trait=trait, points=points, why=why, reference=reference)


_FINANCE: Final = Profile(
    name="finance",
    title="banks, insurers, payment",
    weights=(
        _weight(
            Trait.CONFIDENTIALITY,
            4,
            "account and card data are what most attackers of the sector are after",
            "Verizon DBIR 2024, Financial and Insurance",
        ),
        _weight(Trait.INTEGRITY, 4, "a changed payment is money gone", "ENISA Threat Landscape: Finance Sector (2025)"),
        _weight(
            Trait.ALONE, 3, "critical and high flaws must be patched within a month", "PCI DSS 4.0.1, requirement 6.3.3"
        ),
        _weight(
            Trait.RANSOMWARE, 3, "extortion stops clearing and trading", "ENISA Threat Landscape: Finance Sector (2025)"
        ),
    ),
)
_HEALTH: Final = Profile(
    name="health",
    title="hospitals, laboratories, insurers of health",
    weights=(
        _weight(
            Trait.CONFIDENTIALITY,
            4,
            "patients' records are sold and extorted with",
            "HHS OCR breach reports; 45 CFR 164.312",
        ),
        _weight(Trait.AVAILABILITY, 5, "care stops when systems do", "ENISA Threat Landscape: Health Sector (2023)"),
        _weight(
            Trait.RANSOMWARE, 6, "over half of the sector's incidents", "ENISA Threat Landscape: Health Sector (2023)"
        ),
        _weight(
            Trait.EXPLOITED, 2, "known exploited flaws come first", "HHS HPH Cybersecurity Performance Goals (2024)"
        ),
    ),
)
_ENERGY: Final = Profile(
    name="energy",
    title="energy, water, operational technology",
    weights=(
        _weight(Trait.AVAILABILITY, 6, "availability and safety come before secrecy", "NIST SP 800-82 Rev. 3, 2.4"),
        _weight(Trait.INTEGRITY, 5, "a changed set point does harm in the world", "NIST SP 800-82 Rev. 3, 4.2"),
        _weight(
            Trait.ALONE,
            4,
            "actors against infrastructure enter by what faces the network",
            "CISA AA24-038A (Volt Typhoon)",
        ),
    ),
)
_PUBLIC: Final = Profile(
    name="public",
    title="government and administration",
    weights=(
        _weight(Trait.EXPLOITED, 6, "exploited flaws must be mended by their due date", "CISA BOD 22-01"),
        _weight(Trait.ALONE, 3, "critical flaws of what faces the network: 15 days", "CISA BOD 19-02"),
        _weight(
            Trait.RANSOMWARE,
            3,
            "municipalities and schools are extorted most easily",
            "ENISA Threat Landscape 2024, Public administration",
        ),
        _weight(
            Trait.CONFIDENTIALITY,
            3,
            "espionage leads the sector's incidents",
            "Verizon DBIR 2024, Public Administration",
        ),
    ),
)
_RETAIL: Final = Profile(
    name="retail",
    title="shops, travel, food",
    weights=(
        _weight(Trait.CONFIDENTIALITY, 4, "customers' credentials and cards", "Verizon DBIR 2024, Retail"),
        _weight(
            Trait.INTEGRITY, 4, "skimmers are written into payment pages", "PCI DSS 4.0.1, requirements 6.4.3, 11.6.1"
        ),
        _weight(Trait.ALONE, 3, "shops face everybody", "PCI DSS 4.0.1, requirement 6.3.3"),
        _weight(Trait.AVAILABILITY, 2, "a closed shop sells nothing", "Verizon DBIR 2024, Retail"),
    ),
)
_TELCO: Final = Profile(
    name="telco",
    title="networks and those who run them",
    weights=(
        _weight(Trait.REMOTE, 3, "providers are entered by published flaws of network services", "CISA AA22-158A"),
        _weight(Trait.AVAILABILITY, 4, "an outage is everybody's outage", "ENISA Telecom Security Incidents 2023"),
        _weight(Trait.CONFIDENTIALITY, 4, "call records and traffic are intercepted", "CISA AA25-239A (Salt Typhoon)"),
    ),
)
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {one.name: one for one in (_ENERGY, _FINANCE, _HEALTH, _PUBLIC, _RETAIL, _TELCO)}
)
"""By name."""
