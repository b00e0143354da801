# SPDX-License-Identifier: Apache-2.0
"""Which operating system a package URL or a stranger's document speaks of, in os-release(5)'s words."""

from typing import Final

from tidegate.inventory import OsRelease

_IDS: Final = {
    "alma": "almalinux",
    "amazon": "amzn",
    "amazonlinux": "amzn",
    "cbl-mariner": "mariner",
    "opensuse.leap": "opensuse-leap",
    "opensuse.tumbleweed": "opensuse-tumbleweed",
    "oracle": "ol",
    "oraclelinux": "ol",
    "redhat": "rhel",
    "redhatenterpriselinux": "rhel",
    "rockylinux": "rocky",
    "suse": "sles",
    "suse linux enterprise server": "sles",
}
"""What other tools and package URL namespaces call a distribution."""
_HYPHENED: Final = ("opensuse-leap", "opensuse-tumbleweed")
_RELEASES: Final = {
    "trusty": "14.04",
    "xenial": "16.04",
    "bionic": "18.04",
    "focal": "20.04",
    "jammy": "22.04",
    "noble": "24.04",
}
"""Ubuntu's code names; Debian's are known where its ecosystem is written."""


def os_named(name: str, version: str) -> OsRelease | None:
    """An operating system by a name and a version as other tools write them; None without a name."""
    word = name.strip().lower()
    word = _IDS.get(word, word)
    if not word:
        return None
    release = version.strip()
    if release and not release[0].isdecimal():
        return OsRelease(id=word, version_id=_RELEASES.get(release, ""), version_codename=release)
    return OsRelease(id=word, version_id=release)


def os_of_qualifier(distro: str, namespace: str) -> OsRelease | None:
    """What a `distro` qualifier says: `debian-12`, `3.18.4` (the namespace names the rest), `bookworm`.

    Args:
        distro: the qualifier; "" when there is none.
        namespace: of the package URL.

    Returns:
        None when neither tells of a release.
    """
    word = distro.strip().lower()
    if not word:
        return None
    if word in _HYPHENED:
        return os_named(word, "")
    if word[0].isdecimal() or "-" not in word:
        same = _IDS.get(word, word) == _IDS.get(namespace, namespace)
        return os_named(word, "") if same or not namespace else os_named(namespace, word)
    name, _, version = word.rpartition("-")
    return os_named(name, version)


def is_same(release: OsRelease, other: OsRelease) -> bool:
    """True when two tell of one release, as far as both say."""
    if release.id != other.id:
        return False
    one, two = release.version_id, other.version_id
    return not two or one == two or one.startswith(f"{two}.") or two.startswith(f"{one}.")
