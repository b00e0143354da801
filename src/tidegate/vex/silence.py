# SPDX-License-Identifier: Apache-2.0
"""Applies what people said to what was found: what still counts, what is silenced and by whom, and what was in vain."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TypeVar

from tidegate.evidence import (
    Finding,
    IdleWord,
    InVain,
    Misconfiguration,
    Suppressed,
    SuppressedMisconfiguration,
    SuppressedSecret,
)
from tidegate.inventory import LocatedSecret
from tidegate.inventory.path_pattern import path_pattern
from tidegate.values import Struct
from tidegate.vex.claim import About, Claim
from tidegate.vex.product import Scene

_T = TypeVar("_T")


class Found(Struct, frozen=True, kw_only=True):
    """Everything somebody could speak of."""

    findings: tuple[Finding, ...] = ()
    secrets: tuple[LocatedSecret, ...] = ()
    misconfigurations: tuple[Misconfiguration, ...] = ()


class Silenced(Struct, frozen=True, kw_only=True):
    """What still counts, what does not, and what was said in vain; every order is that of the input."""

    counting: Found
    findings: tuple[Suppressed, ...] = ()
    secrets: tuple[SuppressedSecret, ...] = ()
    misconfigurations: tuple[SuppressedMisconfiguration, ...] = ()
    idle: tuple[IdleWord, ...] = ()


def silence(found: Found, claims: Sequence[Claim], scene: Scene, *, at: date) -> Silenced:
    """Applies claims. Of several that speak of one thing the one made last counts, among equals the last one read.

    Args:
        found: what there is to speak of.
        claims: what was said, in the order it was read.
        scene: the image and its components.
        at: the day; what expired before it silences nothing.
    """
    hearing = _Hearing([claim for claim in claims if not _has_expired(claim, at)], scene)
    findings = [(it, hearing.on_finding(it)) for it in found.findings]
    secrets = [(it, hearing.on_rule(About.SECRET, it.secret.rule, it.secret.path)) for it in found.secrets]
    rules = [(it, hearing.on_rule(About.MISCONFIGURATION, it.id, it.location)) for it in found.misconfigurations]
    return Silenced(
        counting=Found(
            findings=tuple(_counting(findings)),
            secrets=tuple(_counting(secrets)),
            misconfigurations=tuple(_counting(rules)),
        ),
        findings=tuple(Suppressed(finding=it, by=by.word) for it, by in findings if by),
        secrets=tuple(SuppressedSecret(secret=it, by=by.word) for it, by in secrets if by),
        misconfigurations=tuple(SuppressedMisconfiguration(misconfiguration=it, by=by.word) for it, by in rules if by),
        idle=tuple(_idle(claims, hearing, scene, at)),
    )


class _Hearing:
    """Remembers which claims spoke of anything."""

    def __init__(self, claims: Sequence[Claim], scene: Scene) -> None:
        self._scene = scene
        self._by_id: dict[str, list[Claim]] = {}
        self.heard: set[int] = set()
        for claim in sorted(claims, key=lambda claim: claim.made):  # stable: among equals the last one read stays last
            for identity in claim.ids:
                self._by_id.setdefault(identity, []).append(claim)

    def on_finding(self, finding: Finding) -> Claim | None:
        """The claim that silences a finding."""
        names = {name.upper() for name in (finding.id, *finding.aliases)}
        spoken = [
            claim
            for claim in self._named(names)
            if About.FINDING in claim.about
            and _lies_in(claim.paths, finding.location)
            and claim.scope.covers(self._scene, str(finding.purl))
        ]
        return self._last(spoken)

    def on_rule(self, about: About, rule: str, path: str) -> Claim | None:
        """The claim that silences a secret or a misconfiguration, by its rule and where it lies."""
        spoken = [
            claim for claim in self._named({rule.upper()}) if about in claim.about and _lies_in(claim.paths, path)
        ]
        return self._last(spoken)

    def _named(self, names: Iterable[str]) -> list[Claim]:
        found = {id(claim): claim for name in sorted(names) for claim in self._by_id.get(name, ())}
        return sorted(found.values(), key=lambda claim: claim.made)

    def _last(self, spoken: Sequence[Claim]) -> Claim | None:
        self.heard.update(map(id, spoken))
        return spoken[-1] if spoken and spoken[-1].silences else None


def _counting(judged: Iterable[tuple[_T, Claim | None]]) -> Iterable[_T]:
    return (it for it, by in judged if by is None)


def _idle(claims: Sequence[Claim], hearing: _Hearing, scene: Scene, at: date) -> Iterable[IdleWord]:
    """Words of which no claim was heard: one for each, however many products it names."""
    words: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        words.setdefault((claim.word.source, claim.word.status), []).append(claim)
    for group in words.values():
        word = group[0].word
        if any(id(claim) in hearing.heard for claim in group):
            continue
        if _has_expired(group[0], at):
            yield IdleWord(word=word, why=InVain.EXPIRED, detail=f"since {word.expires}")
        elif not any(_is_here(claim, scene) for claim in group):
            named = _shown(group)
            yield IdleWord(word=word, why=InVain.UNMATCHED, detail=f"names {named}, which is not here")
        elif group[0].silences:
            yield IdleWord(word=word, why=InVain.UNUSED, detail=f"nothing here is {word.id}")


def _is_here(claim: Claim, scene: Scene) -> bool:
    return claim.about != {About.FINDING} or claim.scope.is_here(scene)


def _shown(group: Sequence[Claim]) -> str:
    scope = group[0].scope
    named = scope.packages or scope.products
    texts = [product.text for product in named if product.text] or ["no product"]
    more = sum(len(claim.scope.packages or claim.scope.products) for claim in group) - 1
    return texts[0][:200] + (f" and {more} more" if more > 0 else "")


def _has_expired(claim: Claim, at: date) -> bool:
    return claim.word.expires is not None and claim.word.expires < at


def _lies_in(globs: Sequence[str], path: str) -> bool:
    return not globs or any(path_pattern(glob).fullmatch(path.lstrip("/")) for glob in globs)
