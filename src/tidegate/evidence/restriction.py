# SPDX-License-Identifier: Apache-2.0
"""Whom an artifact is kept for: who, where, and until when. Judged at the pull and at the execution gate; pure.

`who` lists everyone: names of principals (patterns, `*` stands for anything), `group:…`, and for workloads
`namespace:…`. `where` lists address ranges, names (patterns) of network zones or clusters, and for workloads
`nodes:LABEL=VALUE`, the only nodes they may run on. What a list does not name is refused; an empty list asks nothing. A
name is judged at the pull only where it is known which addresses it has; an address range is judged only there.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Zones: TypeAlias = Mapping[str, tuple[Network, ...]]
"""Which addresses a place's name has."""

MAX_ENTRIES: Final = 100
MAX_ENTRY_CHARS: Final = 200
GROUP: Final = "group:"
NAMESPACE: Final = "namespace:"
NODES: Final = "nodes:"
_NODES: Final = re.compile(r"nodes:([-a-z0-9.]{1,253}/)?[A-Za-z0-9][-A-Za-z0-9_.]{0,62}=[-A-Za-z0-9_.]{0,63}")


class Restriction(Struct, frozen=True, kw_only=True):
    """Whom something is kept for.

    Attributes:
        who: patterns; empty for anybody.
        where: ranges and patterns; empty for anywhere.
        until: the last moment it is for anybody at all; None for no end.
    """

    who: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    until: datetime | None = None

    def objects_to_pull(self, names: Collection[str], address: str, zones: Zones, *, at: datetime) -> str:
        """Why a consumer may not pull it; "" when it may.

        Args:
            names: of the principal, and of its groups as `group:…`.
            address: it comes from; "" when that is not known, which is nowhere.
            zones: addresses of places.
            at: the moment of the pull.
        """
        if self._is_over(at):
            return self._ended()
        if self.who and not any(_matches(self.who, name) for name in names):
            return f"it is kept for {_listed(self.who)}"
        known = tuple(_networks(self._places(), zones))
        if known and not _is_in(address, known):
            return f"it is kept for {_listed(self.where)}"
        return ""

    def objects_to_run(self, namespace: str, cluster: str, *, at: datetime) -> str:
        """Why a workload may not run it; "" when it may.

        Args:
            namespace: of the workload; "" for none.
            cluster: it shall run in; "" is nowhere.
            at: the moment of the decision.
        """
        if self._is_over(at):
            return self._ended()
        if self.who and not _matches(self.who, NAMESPACE + namespace):
            return f"it is kept for {_listed(self.who)}"
        named = [place for place in self._places() if _network(place) is None]
        if named and not (cluster and _matches(named, cluster)):
            return f"it is kept for {_listed(named)}"
        return ""

    def nodes(self) -> dict[str, tuple[str, ...]]:
        """Labels that the nodes of a workload must have, with the values they may have."""
        found: dict[str, tuple[str, ...]] = {}
        for entry in self.where:
            if entry.startswith(NODES):
                label, _, value = entry[len(NODES) :].partition("=")
                found[label] = (*found.get(label, ()), value)
        return found

    def _places(self) -> tuple[str, ...]:
        return tuple(place for place in self.where if not place.startswith(NODES))

    def _is_over(self, at: datetime) -> bool:
        return self.until is not None and at > self.until

    def _ended(self) -> str:
        return f"its time ended at {rfc3339(self.until)}" if self.until else ""

    def __str__(self) -> str:
        """In words, for people."""
        parts = (
            f"for {_listed(self.who)}" if self.who else "",
            f"in {_listed(self.where)}" if self.where else "",
            f"until {rfc3339(self.until)}" if self.until else "",
        )
        return " ".join(part for part in parts if part)


def parse_restriction(who: Sequence[str] = (), where: Sequence[str] = (), until: str = "") -> Restriction:
    """Reads what a person wrote.

    Args:
        who: patterns.
        where: address ranges (CIDR) or patterns of names.
        until: RFC 3339, or a day, of which it is the end; "" for no end.

    Raises:
        InvalidInputError: nothing at all, an empty or unprintable entry, or no such moment.
        BoundExceededError: more or longer entries than allowed.
    """
    if not (who or where or until):
        raise InvalidInputError("a restriction needs to say who, where or until when")
    for name, entries in (("who", who), ("where", where)):
        if len(entries) > MAX_ENTRIES:
            raise BoundExceededError("MAX_ENTRIES", MAX_ENTRIES, where=name)
        for entry in entries:
            if not entry or not entry.isprintable() or len(entry) > MAX_ENTRY_CHARS:
                raise InvalidInputError(f"no name and no pattern: {entry[:80]!r}", where=name)
            if entry.startswith(NODES) and not (name == "where" and _NODES.fullmatch(entry)):
                raise InvalidInputError(
                    "no label of nodes", where=entry[:80], remedy="write nodes:LABEL=VALUE in where"
                )
    return Restriction(who=tuple(who), where=tuple(where), until=parse_moment(until) if until else None)


def parse_moment(text: str) -> datetime:
    """Reads a moment (RFC 3339) or a day, of which it is the end in UTC.

    Raises:
        InvalidInputError: it is neither.
    """
    try:
        return parse_rfc3339(text if "T" in text else f"{text}T23:59:59Z")
    except InvalidInputError as error:
        raise InvalidInputError(
            "no such moment", where=repr(text[:40]), remedy="write 2027-01-31, or RFC 3339"
        ) from error


def parse_zones(lines: Sequence[str]) -> Zones:
    """Reads lines like `prod-eu=10.1.0.0/16,10.2.0.0/16`.

    Raises:
        InvalidInputError: a line of another form.
    """
    zones: dict[str, tuple[Network, ...]] = {}
    for line in lines:
        name, equals, ranges = line.partition("=")
        found = [_network(part.strip()) for part in ranges.split(",")]
        if not name.strip() or not equals or not all(found):
            raise InvalidInputError("no zone", where=line[:80], remedy="write name=10.0.0.0/8,192.0.2.0/24")
        zones[name.strip()] = (*zones.get(name.strip(), ()), *(network for network in found if network))
    return zones


def _matches(patterns: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _networks(where: Sequence[str], zones: Zones) -> list[Network]:
    found: list[Network] = []
    for place in where:
        network = _network(place)
        if network is not None:
            found.append(network)
        else:
            found += [one for name in zones if fnmatchcase(name, place) for one in zones[name]]
    return found


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)


def _listed(entries: Sequence[str]) -> str:
    shown = ", ".join(entries[:5])
    return f"{shown} and {len(entries) - 5} more" if entries[5:] else shown
