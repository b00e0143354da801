# SPDX-License-Identifier: Apache-2.0
"""Who publishes an advisory, known by the prefix of its id (OSV schema 1.7, "id, modified fields")."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_PUBLISHERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ALBA": "AlmaLinux",
        "ALEA": "AlmaLinux",
        "ALPINE": "Alpine Linux",
        "ALSA": "AlmaLinux",
        "CGA": "Chainguard",
        "CVE": "CVE Program",
        "DEBIAN": "Debian",
        "DLA": "Debian LTS",
        "DSA": "Debian",
        "DTSA": "Debian",
        "GHSA": "GitHub Advisory Database",
        "GO": "Go Vulnerability Database",
        "MAL": "OpenSSF Malicious Packages",
        "MINI": "MinimOS",
        "PYSEC": "Python Packaging Advisory Database",
        "RHBA": "Red Hat",
        "RHEA": "Red Hat",
        "RHSA": "Red Hat",
        "RLSA": "Rocky Linux",
        "RUSTSEC": "RustSec",
        "RXSA": "Rocky Linux",
        "SUSE": "SUSE",
        "UBUNTU": "Ubuntu",
        "USN": "Ubuntu",
    }
)


def publisher(advisory: str) -> str:
    """Returns the publisher's name; the id's prefix when it is not known."""
    prefix = advisory.partition("-")[0]
    return _PUBLISHERS.get(prefix, prefix)
