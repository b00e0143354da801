# SPDX-License-Identifier: Apache-2.0
"""What is different between two scans: components, findings, secrets, configuration, files and size. Pure."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from tidegate.errors import InvalidInputError
from tidegate.evidence import Finding, ScannedArtifact, ScanReport
from tidegate.evidence.flaw import flaw_of
from tidegate.evidence.misconfiguration import Misconfiguration
from tidegate.inventory import Basis, Component, Custody, LocatedSecret, PackageUrl
from tidegate.knowledge.versions import order_of
from tidegate.values import Struct

T = TypeVar("T")
K = TypeVar("K")


class Turn(StrEnum):
    """What became of a component."""

    ADDED = "added"
    REMOVED = "removed"
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    CHANGED = "changed"
    """Another version, and nobody knows which is the newer."""


class ComponentTurn(Struct, frozen=True, kw_only=True):
    """One component that is not as it was.

    Attributes:
        purl: package URL without version and qualifiers.
        before: its version; "" when it was not there. The same for `after`.
        location: where it is, or was.
    """

    turn: Turn
    purl: PackageUrl
    name: str
    before: str
    after: str
    location: str


class FileTurns(Struct, frozen=True, kw_only=True):
    """Paths of files that are not as they were, sorted; `changed` by their digests.

    Attributes:
        truncated: true when a list was cut at its bound; the counts are whole all the same.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    added_count: int
    removed_count: int
    changed_count: int
    truncated: bool = False


class Difference(Struct, frozen=True, kw_only=True):
    """Two scans side by side.

    Attributes:
        fixed: findings that are gone; `introduced` those that came.
        unchanged: how many flaws stand in both, each counted once for all packages of its source.
        files: None when one of the two has no files.
        size: bytes of files before and after; None when one of the two does not know.
        incomparable: why findings cannot be held against each other; "" when they can.
    """

    before: ScannedArtifact
    after: ScannedArtifact
    components: tuple[ComponentTurn, ...]
    fixed: tuple[Finding, ...]
    introduced: tuple[Finding, ...]
    unchanged: int
    secrets_gone: tuple[LocatedSecret, ...]
    secrets_come: tuple[LocatedSecret, ...]
    misconfigurations_gone: tuple[Misconfiguration, ...]
    misconfigurations_come: tuple[Misconfiguration, ...]
    files: FileTurns | None = None
    size: tuple[int, int] | None = None
    incomparable: str = ""


MAX_FILES = 10_000
"""Paths told of each kind of turn."""


def difference(
    before: ScanReport,
    after: ScanReport,
    *,
    files: tuple[Mapping[str, bytes], Mapping[str, bytes]] | None = None,
) -> Difference:
    """Holds two scans against each other.

    Args:
        before: the older one.
        after: the newer one.
        files: of both, what tells each path's content apart; None when there are none to compare.
    """
    gone, come, _ = _sides(before.findings, after.findings, _finding_key)
    both = len({_finding_key(one) for one in after.findings} & {_finding_key(one) for one in before.findings})
    secrets = _sides(before.secrets, after.secrets, lambda one: (one.secret.fingerprint, one.secret.path))
    wrong = _sides(
        before.misconfigurations, after.misconfigurations, lambda one: (one.id, one.subject, one.location, one.part)
    )
    return Difference(
        before=before.artifact,
        after=after.artifact,
        components=tuple(_components(before.components, after.components)),
        fixed=gone,
        introduced=come,
        unchanged=both,
        secrets_gone=secrets[0],
        secrets_come=secrets[1],
        misconfigurations_gone=wrong[0],
        misconfigurations_come=wrong[1],
        files=_files(*files) if files is not None else None,
        size=_size(before.custody, after.custody),
        incomparable=_incomparable(before, after),
    )


def bare_purl(purl: str) -> PackageUrl:
    """A package URL without version, qualifiers and subpath: what stays when a package is upgraded."""
    head = purl.partition("?")[0].partition("#")[0]
    slash = head.rfind("/")
    at = head.find("@", slash + 1)
    return PackageUrl(head[:at] if at > 0 else head)


def _sides(before: Sequence[T], after: Sequence[T], key: Callable[[T], K]) -> tuple[tuple[T, ...], tuple[T, ...], int]:
    """What is only before, only after, and how many of those after were there before."""
    old, new = {key(one) for one in before}, {key(one) for one in after}
    gone = tuple(one for one in before if key(one) not in new)
    come = tuple(one for one in after if key(one) not in old)
    return gone, come, len(after) - len(come)


def _finding_key(finding: Finding) -> tuple[str, str, str]:
    """What stays of a flaw when its package is upgraded, or split in more packages."""
    flaw = flaw_of(finding)
    package = flaw.package if finding.why.matched_name else bare_purl(finding.purl)
    return flaw.id, flaw.ecosystem.partition(":")[0], package


def _components(before: Sequence[Component], after: Sequence[Component]) -> list[ComponentTurn]:
    old, new = _by_package(before), _by_package(after)
    turns: list[ComponentTurn] = []
    for key in sorted(old.keys() | new.keys()):
        turns.extend(_turns(old.get(key, []), new.get(key, [])))
    return sorted(turns, key=lambda one: (one.purl, one.before, one.after, one.location))


def _by_package(components: Iterable[Component]) -> dict[tuple[str, str], list[Component]]:
    found: dict[tuple[str, str], list[Component]] = defaultdict(list)
    for component in components:
        if not _is_echo(component):
            found[bare_purl(component.purl), component.architecture].append(component)
    return found


def _is_echo(component: Component) -> bool:
    """A program recognised in a file of a distribution's package, whose own turn tells more."""
    return component.owner is not None and component.basis is Basis.RECOGNISED


def _turns(old: list[Component], new: list[Component]) -> list[ComponentTurn]:
    """Copies of one package: those of one version are the same; others are paired by place, then in order."""
    left, right = _without_same(old, new)
    beside: dict[str, deque[Component]] = defaultdict(deque)
    for component in right:
        beside[component.location].append(component)
    turns: list[ComponentTurn] = []
    moved = []
    for component in left:
        if beside[component.location]:
            turns.append(_turn(component, beside[component.location].popleft()))
        else:
            moved.append(component)
    come = sorted((one for ones in beside.values() for one in ones), key=_place)
    paired = min(len(moved), len(come))
    turns += [_turn(one, other) for one, other in zip(moved[:paired], come[:paired], strict=True)]
    turns += [_turn(one, None) for one in moved[paired:]]
    turns += [_turn(None, one) for one in come[paired:]]
    return turns


def _without_same(old: list[Component], new: list[Component]) -> tuple[list[Component], list[Component]]:
    waiting: dict[str, deque[Component]] = defaultdict(deque)
    for component in sorted(new, key=_place):
        waiting[component.version].append(component)
    left = []
    for component in sorted(old, key=_place):
        if waiting[component.version]:
            waiting[component.version].popleft()
        else:
            left.append(component)
    return left, sorted((one for ones in waiting.values() for one in ones), key=_place)


def _place(component: Component) -> tuple[str, str]:
    return component.location, component.version


def _turn(old: Component | None, new: Component | None) -> ComponentTurn:
    shown = new or old
    if shown is None:  # never: one of the two is there
        raise ValueError("a turn of nothing")
    turn = Turn.ADDED if old is None else Turn.REMOVED if new is None else _direction(old, new)
    return ComponentTurn(
        turn=turn,
        purl=bare_purl(shown.purl),
        name=shown.name,
        before=old.version if old else "",
        after=new.version if new else "",
        location=shown.location,
    )


def _direction(old: Component, new: Component) -> Turn:
    order = order_of(new.ecosystem or old.ecosystem)
    if order is None:
        return Turn.CHANGED
    try:
        return Turn.UPGRADED if order.key(new.version) > order.key(old.version) else Turn.DOWNGRADED
    except InvalidInputError:
        return Turn.CHANGED


def _files(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> FileTurns:
    added = sorted(new.keys() - old.keys())
    removed = sorted(old.keys() - new.keys())
    changed = sorted(path for path in old.keys() & new.keys() if old[path] != new[path])
    return FileTurns(
        added=tuple(added[:MAX_FILES]),
        removed=tuple(removed[:MAX_FILES]),
        changed=tuple(changed[:MAX_FILES]),
        added_count=len(added),
        removed_count=len(removed),
        changed_count=len(changed),
        truncated=max(len(added), len(removed), len(changed)) > MAX_FILES,
    )


def _size(before: Custody | None, after: Custody | None) -> tuple[int, int] | None:
    if before is None or after is None:
        return None
    return sum(share.bytes for share in before.shares), sum(share.bytes for share in after.shares)


def _incomparable(before: ScanReport, after: ScanReport) -> str:
    if before.knowledge is None or after.knowledge is None:
        return "" if before.knowledge is after.knowledge else "one of the two was scanned without knowledge"
    if before.knowledge.digest != after.knowledge.digest:
        return "the two were scanned with different knowledge"
    return ""
