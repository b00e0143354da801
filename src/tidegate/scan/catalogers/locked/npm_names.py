# SPDX-License-Identifier: Apache-2.0
"""How lock files of JavaScript write where a package comes from."""

import re
from typing import Final

from tidegate.scan.catalogers.locked.gathering import MAX_NOTE_CHARS

_GIT: Final = ("git+", "git:", "git@", "github:", "gitlab:", "bitbucket:", "ssh:")
_WEB: Final = ("http:", "https:")
_REGISTRY: Final = "/-/"
"""What stands in the address of every archive of a registry."""
_NAME_PARTS: Final = 3
"""What comes before a scope or a host, that, and the name."""
_ARCHIVE_VERSION: Final = re.compile(r"-(\d+\.\d+\.\d+[0-9A-Za-z.+-]{0,60})\.t(?:ar\.)?gz")


def divided(text: str) -> tuple[str, str]:
    """`@scope/name@version` as name and version; the version is "" when there is none."""
    name, _, version = text[1:].partition("@")
    return text[:1] + name, version


def is_git(url: str) -> bool:
    """True for the address of a repository; a host's archive of a commit is one, too."""
    return url.startswith(_GIT) or ".git#" in url or (url.startswith("https://codeload.") and "/tar.gz/" in url)


def is_own(url: str) -> bool:
    """True for a folder of the same sources."""
    return url.startswith(("file:", "link:", "portal:", "workspace:", ".", "/"))


def source(url: str) -> dict[str, str]:
    """The qualifiers that say where a package comes from; none for one of a registry."""
    if len(url) > MAX_NOTE_CHARS:
        return {}
    if is_git(url):
        return {"vcs_url": url}
    if url.startswith(_WEB) and _REGISTRY not in url:
        return {"download_url": url}
    return {}


def registry_name(url: str) -> str:
    """The name under which a registry keeps an archive, whatever a project calls it; "" when the address is none's."""
    before, found, _ = url.partition(_REGISTRY)
    parts = before.replace("%2f", "/").replace("%2F", "/").rsplit("/", 2)
    if not found or not url.startswith(_WEB) or len(parts) < _NAME_PARTS:
        return ""
    return "/".join(parts[1:]) if parts[1].startswith("@") else parts[2]


def version_in(url: str) -> str:
    """The version an address tells of: the commit of a repository, or that in an archive's name; "" for neither."""
    if is_git(url):
        return url.rpartition("#")[2] if "#" in url else url.rpartition("/")[2]
    found = _ARCHIVE_VERSION.search(url[:4096])
    return found[1] if found else ""
