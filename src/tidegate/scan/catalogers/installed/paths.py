# SPDX-License-Identifier: Apache-2.0
"""Paths as package managers write them, as paths of an image."""

import posixpath
from typing import Final

MAX_PATH_CHARS: Final = 4_096


def below(folder: str, name: str) -> str:
    """The path of `name` as seen from a folder, no leading slash; "" for no path or one too long.

    Args:
        folder: in the image, no leading slash; "" for its root.
        name: relative to the folder, or from the root with a slash before it.
    """
    if not name or len(name) > MAX_PATH_CHARS or "\0" in name:
        return ""
    path = name.lstrip("/") if name.startswith("/") or not folder else f"{folder}/{name}"
    if "//" in path or "/." in f"/{path}":
        path = posixpath.normpath("/" + path).lstrip("/")  # above the root is the root, as for the kernel
    return path.rstrip("/")
