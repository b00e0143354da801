# SPDX-License-Identifier: Apache-2.0
"""Names of images, `registry/repository[:tag][@digest]`: OCI distribution-spec 1.1, read as Docker's clients do."""

import re
from typing import Final, Self

from tidegate.artifact.digest import Digest
from tidegate.errors import InvalidInputError
from tidegate.values import Struct, replace

DEFAULT_REGISTRY: Final = "docker.io"
_MAX_NAME_CHARS: Final = 255
_REPOSITORY: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_HOST: Final = re.compile(
    r"(?:\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]{1,5})?"
)


class Repository(str):
    """A repository's name inside its registry, such as `team/app`.

    Raises:
        InvalidInputError: the text does not follow the distribution specification's grammar.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Checks the text."""
        if len(text) > _MAX_NAME_CHARS or not _REPOSITORY.fullmatch(text):
            raise InvalidInputError(f"not a repository name: {text[:80]!r}")
        return super().__new__(cls, text)


class Tag(str):
    """A tag, such as `1.2`.

    Raises:
        InvalidInputError: the text does not follow the distribution specification's grammar.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Checks the text."""
        if not _TAG.fullmatch(text):
            raise InvalidInputError(f"not a tag: {text[:80]!r}")
        return super().__new__(cls, text)


class Reference(Struct, frozen=True, kw_only=True):
    """Where an image is named: registry host, repository, and a tag, a digest or both (then the digest rules)."""

    registry: str
    repository: Repository
    tag: Tag | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a reference as Docker's clients do: `alpine` is `docker.io/library/alpine:latest`.

        Raises:
            InvalidInputError: it follows no such grammar.
        """
        rest, _, digest_text = text.partition("@")
        head, slash, tail = rest.partition("/")
        if slash and (head == "localhost" or any(mark in head for mark in ".:[")):
            registry, rest = head, tail
        else:
            registry = DEFAULT_REGISTRY
        if not _HOST.fullmatch(registry):
            raise InvalidInputError(f"not a registry host: {registry[:80]!r}")
        name, colon, tag_text = rest.partition(":")
        if registry == DEFAULT_REGISTRY and "/" not in name:
            name = f"library/{name}"
        tag = Tag(tag_text) if colon else None
        digest = Digest(digest_text) if "@" in text else None
        return cls(
            registry=registry,
            repository=Repository(name),
            tag=tag if tag or digest else Tag("latest"),
            digest=digest,
        )

    def at(self, digest: Digest) -> Self:
        """The same name pinned to a digest; the tag stays as a remark for people."""
        return replace(self, digest=digest)

    @property
    def locator(self) -> str:
        """What the registry is asked for: the digest when there is one, else the tag."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"
