# SPDX-License-Identifier: Apache-2.0
"""An image as manifests name it, in parts; anything is accepted, because what a variable will hold is not known."""


def split_image(text: str) -> tuple[str, str, bool]:
    """The repository, the tag ("" for none), and whether a digest follows."""
    image, at, _ = text.strip().partition("@")
    repository, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:
        return image, "", bool(at)
    return repository, tag, bool(at)
