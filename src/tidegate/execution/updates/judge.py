# SPDX-License-Identifier: Apache-2.0
"""The judgement of updates: from what runs and what is admitted to a proposal, or to why there is none. Pure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.evidence import Severity
from tidegate.execution.updates.known import Flaw, Runs, Shelf, Shelved, Turned, short
from tidegate.execution.updates.rule import Distribution, Grouping, RolloutLimits, UpdateRule
from tidegate.execution.updates.system import is_older, is_same
from tidegate.execution.updates.tag_version import Step, TagVersion, read_tag, step_between
from tidegate.values import Struct

MAX_PASSED_OVER: Final = 10
_NAMED: Final = 3

Weigh = Callable[[Digest, Digest], Turned | None]
"""What a change from one image to another turns; None when one of the two was not scanned."""
Object = Callable[[Shelved], str]
"""Why an image may not run at that place by its restrictions and the execution gate; "" for no reason."""


class Proposal(Struct, frozen=True, kw_only=True):
    """One update of one container.

    Attributes:
        line: why the two images are of one line.
        group: what is proposed together has one.
        not_before: when the newer image is old enough.
        why: in lines, for people.
        passed_over: newer images that are not proposed, and why.
        limits: when a rollout of it has failed.
    """

    runs: Runs
    to: Shelved
    step: Step
    line: str
    rule: str
    group: str
    removes: tuple[Flaw, ...]
    brings: tuple[Flaw, ...]
    not_before: datetime
    why: tuple[str, ...]
    passed_over: tuple[str, ...] = ()
    limits: RolloutLimits = RolloutLimits()


class Judged(Struct, frozen=True, kw_only=True):
    """What was found for one container.

    Attributes:
        proposal: None when it keeps its image.
        why: why it keeps it.
    """

    runs: Runs
    rule: str
    proposal: Proposal | None = None
    why: tuple[str, ...] = ()


class _Way(Struct, frozen=True, kw_only=True):
    """One newer image, and how it is of the line."""

    to: Shelved
    step: Step
    line: str
    version: TagVersion | None = None


def judge(runs: Runs, shelf: Shelf, rule: UpdateRule, *, weigh: Weigh, objects: Object, at: datetime) -> Judged:
    """The furthest update that the rule lets a container have; an image that is too young only where no other is left.

    Never to what is not admitted, never down, never out of the line.

    Args:
        runs: what runs.
        shelf: what is on record around it.
        rule: what holds for that workload.
        weigh: compares two images; asked of those alone that nothing else speaks against.
        objects: asks the gate; likewise.
        at: the moment of the judgement.
    """
    if not rule.steps:
        return Judged(runs=runs, rule=rule.name, why=("the rule wants no updates",))
    written = runs.tag or (shelf.running.tag if shelf.running else "")
    if not written and shelf.replacement is None:
        return Judged(runs=runs, rule=rule.name, why=("no tag tells its line: it runs by its digest alone",))
    passed: list[str] = []
    young: Proposal | None = None
    for way in _ways(runs, shelf, written):
        objection = _objection(shelf, way, written, rule) or objects(way.to)
        turned = None if objection else _turned(shelf, way, weigh)
        objection = objection or _against(shelf, turned, rule)
        if objection:
            passed.append(f"{way.to}: {objection}")
            continue
        found = _proposal(runs, way, rule, turned or Turned(), passed)
        if found.not_before <= at:
            return Judged(runs=runs, rule=rule.name, proposal=found)
        passed.append(f"{way.to}: admitted {rfc3339(way.to.since)}, is old enough {rfc3339(found.not_before)}")
        young = young or found
    if young is not None:
        return Judged(runs=runs, rule=rule.name, proposal=young)
    nothing = f"nothing newer of the line of {written or short(runs.digest or '')} is on record"
    return Judged(runs=runs, rule=rule.name, why=_few(passed) or (nothing,))


def _ways(runs: Runs, shelf: Shelf, written: str) -> Iterator[_Way]:
    """Newer images of the line, the furthest first."""
    mine = read_tag(written) if written else None
    further = [way for one in shelf.tagged if mine and (way := _further(mine, one, runs, written))]
    yield from sorted(further, key=lambda way: way.version.order if way.version else (), reverse=True)
    for one in shelf.tagged:
        if one.tag == written and runs.digest is not None and one.digest != runs.digest:
            step = Step.MOVED if mine is None else Step.REBUILD
            yield _Way(to=one, step=step, line=f"the tag {written} of {one.repository} means another image now")
    if shelf.replacement is not None and shelf.replacement.digest != runs.digest:
        line = "its deprecation in the catalogue names it as the replacement"
        yield _Way(to=shelf.replacement, step=Step.REPLACEMENT, line=line)


def _further(mine: TagVersion, one: Shelved, runs: Runs, written: str) -> _Way | None:
    its = read_tag(one.tag)
    step = step_between(mine, its) if its is not None else None
    if its is None or step is None or one.digest == runs.digest:
        return None
    suffix = f" and suffix {mine.shape}" if mine.shape else ""
    line = f"{step} after {written}: same repository{suffix}, {len(mine.numbers)} numbers"
    return _Way(to=one, step=step, line=line, version=its)


def _objection(shelf: Shelf, way: _Way, written: str, rule: UpdateRule) -> str:
    """What the rule and the order of time say against it; "" for nothing."""
    to = way.to
    if not to.is_admitted:
        return f"is {to.state}"
    if way.step not in rule.steps:
        return f"is a {way.step} update; the rule lets {', '.join(sorted(rule.steps))}"
    if way.version is not None and way.version.is_early and not rule.early:
        return "is for trying out only"
    if not any(fnmatchcase(to.repository, one) for one in rule.sources):
        return f"{to.repository} is no source of updates"
    return _beside(shelf.running, way) or _other_system(shelf.running, way, written, rule.distribution)


def _beside(now: Shelved | None, way: _Way) -> str:
    """What speaks against it beside the image that runs; "" for nothing."""
    to = way.to
    if now is None:
        return ""
    if way.step in {Step.REBUILD, Step.MOVED} and to.stored_at < now.stored_at:
        return f"the tag was moved back: the image was pushed {rfc3339(to.stored_at)}, before what runs"
    lost = set(now.platforms) - set(to.platforms) if to.platforms else set()
    return f"is not made for {', '.join(sorted(lost))}" if lost else ""


def _other_system(now: Shelved | None, way: _Way, written: str, wanted: Distribution) -> str:
    mine = read_tag(written) if written else None
    its = way.version
    if wanted is Distribution.SAME and mine and its and its.distribution != mine.distribution:
        return f"has another release of the distribution than {written}"
    before, after = (now.system if now else ""), way.to.system
    if wanted is Distribution.ANY or not before or not after or is_same(before, after):
        return ""
    if wanted is Distribution.NEWER and before.split()[0] == after.split()[0] and not is_older(after, before):
        return ""
    return f"stands on {after}, what runs on {before}"


def _turned(shelf: Shelf, way: _Way, weigh: Weigh) -> Turned | None:
    return None if shelf.running is None else weigh(shelf.running.digest, way.to.digest)


def _against(shelf: Shelf, turned: Turned | None, rule: UpdateRule) -> str:
    """What the findings say against it; "" for nothing."""
    now = shelf.running
    leaves_bad = now is None or not now.is_admitted
    if turned is None:
        return "" if leaves_bad or not rule.only_fixes else "nothing tells what it removes: one of the two has no scan"
    worse = [one for one in turned.brings if one.is_worse or one.severity.rank > rule.may_bring.rank]
    if worse:
        return f"brings {told(worse)}"
    if rule.only_fixes and not turned.removes and not leaves_bad:
        return "removes no finding"
    return ""


def _proposal(runs: Runs, way: _Way, rule: UpdateRule, turned: Turned, passed: Sequence[str]) -> Proposal:
    since = f" since {rfc3339(runs.since)}" if runs.since else ""
    digest = f"@{short(runs.digest)}" if runs.digest else ""
    name = f"{runs.repository}:{runs.tag}" if runs.tag else runs.repository
    why = [
        f"{'runs' if runs.since else 'names'} {name}{digest}{since}",
        f"{way.to} was admitted {rfc3339(way.to.since)}: {way.line}",
        f"removes {told(turned.removes) or 'nothing'}, brings {told(turned.brings) or 'nothing'}",
    ]
    if turned.caveat:
        why.append(turned.caveat)
    return Proposal(
        runs=runs,
        to=way.to,
        step=way.step,
        line=way.line,
        rule=rule.name,
        group=_group(runs, rule),
        removes=turned.removes,
        brings=turned.brings,
        not_before=way.to.since + rule.minimum_age,
        why=tuple(why),
        passed_over=_few(passed),
        limits=rule.limits,
    )


def _group(runs: Runs, rule: UpdateRule) -> str:
    return {
        Grouping.IMAGE: runs.repository,
        Grouping.NAMESPACE: runs.namespace or "everywhere",
        Grouping.WORKLOAD: f"{runs.namespace} {runs.kind} {runs.name}".strip(),
        Grouping.RULE: rule.name,
    }[rule.group]


def told(flaws: Sequence[Flaw]) -> str:
    """The worst of some flaws by name, and how many more; "" for none."""
    if not flaws:
        return ""
    ordered = sorted(flaws, key=lambda one: (not one.is_worse, -one.severity.rank, one.id))
    named = [f"{one.id}{f' ({one.severity})' if one.severity is not Severity.UNKNOWN else ''}" for one in ordered]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more


def _few(lines: Sequence[str]) -> tuple[str, ...]:
    left = len(lines) - MAX_PASSED_OVER
    return (*lines[:MAX_PASSED_OVER], *((f"and {left} more",) if left > 0 else ()))
