# SPDX-License-Identifier: Apache-2.0
"""Secrets of a build: which words they are, and the proof that none of them came out with the image."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB, read_bounded
from tidegate.builders import Secret
from tidegate.checks.secret_name import is_secret_name, looks_empty
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, RefusedError
from tidegate.oci.image import Layer
from tidegate.oci.reproducible import plain_layer
from tidegate.values import Struct

MAX_SECRET_BYTES: Final = MIB
_SHORTEST: Final = 6
"""Shorter words would be found anywhere."""
_CHUNK: Final = 1 << 20


class Withheld(Struct, frozen=True, kw_only=True):
    """A word that must not come out, and what it is called."""

    name: str
    word: bytes


def withheld_words(secrets: Sequence[Secret], arguments: Mapping[str, str]) -> tuple[Withheld, ...]:
    """The secrets' contents, and values of arguments whose names say that they are secret.

    Raises:
        NotFoundError: a secret's file is missing.
        BoundExceededError: it is over `MAX_SECRET_BYTES`.
        InvalidInputError: it is empty.
    """
    found = []
    for secret in secrets:
        try:
            with secret.path.open("rb") as file:
                word = read_bounded(file, max_bytes=MAX_SECRET_BYTES, what=f"secret {secret.id}").strip()
        except FileNotFoundError as error:
            raise NotFoundError("no such secret", where=str(secret.path)) from error
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror}", where=str(secret.path)) from error
        if not word:
            raise InvalidInputError("is empty", where=f"secret {secret.id}")
        found.append(Withheld(name=f"secret {secret.id}", word=word))
    for name, value in arguments.items():
        if is_secret_argument(name, value):
            found.append(Withheld(name=f"build argument {name}", word=value.encode()))
    return tuple(one for one in found if len(one.word) >= _SHORTEST)


def is_secret_argument(name: str, value: str) -> bool:
    """True for an argument whose value is told to nobody."""
    return is_secret_name(name) and not looks_empty(value)


def demand_absent(words: Sequence[Withheld], document: bytes, *, where: str) -> None:
    """Refuses a document that tells a secret.

    Raises:
        RefusedError: it does.
    """
    for one in words:
        if one.word in document:
            raise _refused(one, where)


def demand_absent_in_layer(words: Sequence[Withheld], layer: Layer, *, where: str) -> None:
    """Refuses a layer that holds a secret as it is written; one that was turned into something else is not found.

    Raises:
        RefusedError: it does.
    """
    longest = max(len(one.word) for one in words)
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-") as folder,
        plain_layer(layer, Path(folder) / "layer").open("rb") as file,
    ):
        before = b""
        while chunk := file.read(_CHUNK):
            demand_absent(words, before + chunk, where=where)
            before = (before + chunk)[-longest:]


def _refused(one: Withheld, where: str) -> RefusedError:
    return RefusedError(
        f"{one.name} came out with the image",
        where=where,
        remedy="do not copy it in a RUN; read it from /run/secrets where it is needed; nothing was written",
    )
