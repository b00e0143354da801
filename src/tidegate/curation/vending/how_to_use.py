# SPDX-License-Identifier: Apache-2.0
"""How an image of the catalogue is used: lines to be copied, pinned by digest where that is possible."""

from tidegate.values import Struct


class Usage(Struct, frozen=True, kw_only=True):
    """Lines to copy."""

    pull: str
    pinned: str
    build: str
    kubernetes: str


def usage(host: str, repository: str, tag: str, digest: str) -> Usage:
    """The lines for one image.

    Args:
        host: of this registry as whoever asks knows it.
        repository: it lies in.
        tag: it goes by.
        digest: of the image or index.
    """
    name = f"{host}/{repository}"
    return Usage(
        pull=f"podman pull {name}:{tag}",
        pinned=f"podman pull {name}@{digest}",
        build=f"FROM {name}:{tag}@{digest}",
        kubernetes=f"image: {name}@{digest}",
    )
