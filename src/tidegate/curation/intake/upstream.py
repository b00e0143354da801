# SPDX-License-Identifier: Apache-2.0
"""Upstream registries: which of their names are taken in, under which names of ours, and on what terms. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from tidegate.artifact import Digest, Platform, Reference, Repository, Tag
from tidegate.clock import rfc3339
from tidegate.curation.keeping.name_pattern import Patterns
from tidegate.errors import InvalidInputError
from tidegate.outbound import Opening
from tidegate.values import Struct, field

AgeBy = Literal["both", "created", "first-seen"]
_HUB: Final = "docker.io"
_HUB_TOKENS: Final = "auth.docker.io"


class Upstream(Struct, frozen=True, kw_only=True):
    """One registry, or a part of it, whose images are taken in.

    Attributes:
        name: what its owner calls it.
        registry: host as clients write it: `docker.io`, `registry.example:5000`.
        path: what its repositories begin with, taken off in our names; "" takes the whole registry.
        under: what our names of them begin with.
        repositories: what may be taken, behind `path`.
        tags: which tags may be taken.
        platforms: images of an index that are fetched; all when empty.
        min_age: younger images are not taken.
        age_by: whether `created` in the configuration counts, the moment we first saw the digest, or the later of them.
        fresh: how long what a tag means is taken for known.
        pins: tags (`REPOSITORY:TAG` behind `path`) that mean one digest for good; a pinned digest may be of any age.
        watch: names (`REPOSITORY:TAG` behind `path`) whose moves are looked for without being asked.
        rate_per_s, burst: requests to it.
        connections: open to it at once.
        openings: addresses that are not public and may be called.
        token_servers: hosts that may see its credentials besides itself.
        plain_http: it is reached without TLS.
        evidence: bring signatures, attestations and other referrers along.
    """

    name: str
    registry: str
    path: str
    under: Repository
    repositories: Patterns
    tags: Patterns = Patterns(("**",))
    platforms: tuple[Platform, ...] = ()
    min_age: timedelta = timedelta(0)
    age_by: AgeBy = "both"
    fresh: timedelta = timedelta(minutes=5)
    pins: Mapping[str, Digest] = field(default_factory=dict)
    watch: tuple[str, ...] = ()
    rate_per_s: float = 10.0
    burst: int = 50
    connections: int = 4
    openings: tuple[Opening, ...] = ()
    token_servers: frozenset[str] = frozenset()
    plain_http: bool = False
    evidence: bool = True

    @property
    def base(self) -> str:
        """Its address."""
        host = "registry-1.docker.io" if self.registry == _HUB else self.registry
        return f"{'http' if self.plain_http else 'https'}://{host}"

    @property
    def trusted_token_servers(self) -> frozenset[str]:
        """Hosts that may see its credentials; Docker Hub's own is known."""
        return self.token_servers | ({_HUB_TOKENS} if self.registry == _HUB else frozenset())

    @property
    def takes_every_tag(self) -> bool:
        """True when a tag says nothing on whether its image may be taken."""
        return bool({"*", "**"} & set(self.tags.wanted)) and not self.tags.excepted

    def inner(self, repository: Repository) -> str | None:
        """The name behind `path` of a repository of ours; None when it does not come from here."""
        head = f"{self.under}/"
        return repository.removeprefix(head) if repository.startswith(head) else None

    def source(self, repository: Repository, locator: Tag | Digest) -> Reference:
        """Where a name of ours comes from; a pinned tag comes as its digest.

        Raises:
            InvalidInputError: it does not come from here.
        """
        inner = self.inner(repository)
        if inner is None:
            raise InvalidInputError(f"does not come from {self.name}", where=repository)
        whole = Repository(f"{self.path}/{inner}" if self.path else inner)
        if isinstance(locator, Digest):
            return Reference(registry=self.registry, repository=whole, digest=locator)
        pin = self.pins.get(f"{inner}:{locator}")
        return Reference(registry=self.registry, repository=whole, tag=locator, digest=pin)

    def local(self, reference: Reference) -> Repository | None:
        """Our name of a repository there; None when it is not one of them."""
        if reference.registry != self.registry:
            return None
        if not self.path:
            return Repository(f"{self.under}/{reference.repository}")
        head = f"{self.path}/"
        inner = reference.repository.removeprefix(head)
        return Repository(f"{self.under}/{inner}") if reference.repository.startswith(head) else None

    def objection(self, repository: Repository, locator: Tag | Digest) -> str:
        """Why a name may not be taken; "" when it may.

        A digest nobody knows here yet is taken only where every tag may be: otherwise it would pass the tags by.
        """
        inner = self.inner(repository) or ""
        if not self.repositories.match(inner):
            return f"{inner} is not among the repositories taken from {self.name}"
        if isinstance(locator, Digest):
            if self.takes_every_tag or locator in self.pins.values():
                return ""
            return f"only some tags are taken from {self.name}, so a digest must come by a tag first"
        if f"{inner}:{locator}" in self.pins:
            return ""
        if not self.tags.match(locator):
            return f"the tag {locator} is not among those taken from {self.name}"
        return ""

    def too_young(
        self, digest: Digest, *, created: datetime | None, first_seen: datetime, at: datetime
    ) -> "TooYoung | None":
        """Whether an image must wait; both moments are told, whichever counts.

        Args:
            digest: what the name means.
            created: what the youngest configuration says; None when one says nothing, which counts as now.
            first_seen: when we first heard of the digest.
            at: now.
        """
        if not self.min_age or digest in self.pins.values():
            return None
        counting = {"created": [created or at], "first-seen": [first_seen], "both": [created or at, first_seen]}
        until = max(counting[self.age_by]) + self.min_age
        if until <= at:
            return None
        said = rfc3339(created) if created else "at an unknown time"
        days = self.min_age.total_seconds() / 86400
        return TooYoung(
            until=until,
            why=f"created {said}, first seen {rfc3339(first_seen)}; images of {self.name} must be {days:g} days old, "
            f"this one is from {rfc3339(until)} on",
        )

    def wants(self, platform: Platform | None) -> bool:
        """True when an image of an index is fetched."""
        return platform is None or not self.platforms or any(platform.serves(wanted) for wanted in self.platforms)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooYoung:
    """An image must wait until a moment, and why."""

    until: datetime
    why: str


class Upstreams:
    """All upstreams; a name belongs to the one with the longest beginning.

    Raises:
        InvalidInputError: two have the same name or stand under the same one.
    """

    def __init__(self, upstreams: Sequence[Upstream] = ()) -> None:
        self.all = tuple(sorted(upstreams, key=lambda one: (-len(one.under), one.name)))
        for kind, values in (("name", [u.name for u in self.all]), ("under", [str(u.under) for u in self.all])):
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise InvalidInputError(f"two upstreams have the {kind} {twice[0]!r}")

    def of(self, repository: Repository) -> Upstream | None:
        """The upstream a repository of ours comes from; None for most."""
        return next((one for one in self.all if one.inner(repository) is not None), None)

    def named(self, name: str) -> Upstream | None:
        """The upstream of a name; None when there is none."""
        return next((one for one in self.all if one.name == name), None)

    def source_of(self, reference: Reference) -> tuple[Upstream, Repository] | None:
        """The upstream that brings a reference, and our name of its repository; None when none does."""
        for one in sorted(self.all, key=lambda one: -len(one.path)):
            local = one.local(reference)
            if local is not None:
                return one, local
        return None
