# SPDX-License-Identifier: Apache-2.0
"""Which operating system an image carries (os-release(5))."""

from tidegate.values import Struct


class OsRelease(Struct, frozen=True, kw_only=True):
    """The fields of os-release(5) that decide whose advisories apply.

    Attributes:
        id: `debian`, `alpine`, `almalinux` …, lower case.
        version_id: `12`, `3.18.9`, `9.4`; "" for rolling releases.
        id_like: other ids it descends from, nearest first.
        cpe_name: `cpe:/o:redhat:enterprise_linux:9::baseos`; "" when it states none.
    """

    id: str
    version_id: str = ""
    version_codename: str = ""
    name: str = ""
    pretty_name: str = ""
    id_like: tuple[str, ...] = ()
    cpe_name: str = ""
