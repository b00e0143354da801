# SPDX-License-Identifier: Apache-2.0
"""Until when somebody cares for what an image stands on, and how often it got fixes.

Told are the distribution, a kernel that is of none, the base image's own product (by its tag), language runtimes,
frameworks and other software. Dates are endoflife.date's; fixes are counted from the advisories
(`tidegate.knowledge.upkeep`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from tidegate.evidence import Support
from tidegate.inventory import Component, Ecosystem, OsRelease, PackageKind, Scope
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.product_names import lines_of, names_of_component, names_of_image, names_of_os
from tidegate.knowledge.target import lookup_ecosystem, lookup_name
from tidegate.knowledge.upkeep import UNKNOWN, Upkeep, upkeep_of_line, upkeep_of_release

_FREE_EXTENSION: Final = frozenset({"debian"})
"""Products whose extended support is free for everybody (Debian LTS), so that it counts."""

_RUNTIMES: Final = frozenset({"bun", "deno", "dotnet", "nodejs"})
"""Language runtimes endoflife.date puts among the frameworks."""

_NOT_SOFTWARE: Final = frozenset({"device", "os", "service", "standard"})
_KERNEL: Final = "linux-kernel"
_SUBJECTS: Final = ("distribution", "kernel", "base", "runtime", "framework", "component")
_JAVA: Final = ("jdk", "corretto", "temurin", "zulu", "liberica", "semeru", "sapmachine")
_RUNS: Final = frozenset({Scope.RUNTIME, Scope.OPTIONAL})
_CYCLES: Final = "SELECT product, cycle, ends, extended, latest, codename FROM support WHERE name = ?"
_IDENTIFIED: Final = "SELECT kind, name, product FROM identifier ORDER BY kind, name, product"
_CATEGORY: Final = "SELECT category FROM product WHERE name = ?"


_Identified = Mapping[tuple[str, str], Sequence[str]]
"""Kind and name of an identifier to products: a thousand of them, read in one go."""


class _Line(NamedTuple):
    product: str
    cycle: str
    ends: str
    extended: str
    latest: str
    codename: str


def _nobody_knows(_name: str) -> str:
    """No programs are recognised."""
    return ""


def support_of(
    knowledge: Knowledge,
    components: Sequence[Component],
    os_release: OsRelease | None,
    base_name: str,
    at: date,
    *,
    product_of: Callable[[str], str] = _nobody_knows,
) -> tuple[Support, ...]:
    """Returns the support of everything whose release line is known; each line of a product once a subject.

    A distribution's own packages are not told one by one, for the distribution cares for them; neither is what is
    there for building or testing only.

    Args:
        knowledge: the file to look in.
        components: of the image.
        os_release: what the image says it is; None for nothing.
        base_name: reference of the base image; "" when unknown.
        at: the day to judge for.
        product_of: the product that a recognised program (of kind GENERIC) is known by, by its name; "" for none.

    Returns:
        Sorted: distribution, kernel, base, runtimes, frameworks, other components; then by product and line.

    Raises:
        InvalidInputError: the knowledge file is corrupt.
    """
    identified = _identified(knowledge)
    of_distribution = list(_of_distribution(knowledge, components, os_release, at))
    known = {(one.product, one.cycle) for one in of_distribution}
    of_base = (one for one in _of_base(knowledge, identified, base_name, at) if (one.product, one.cycle) not in known)
    found = [*of_distribution, *of_base, *_of_components(knowledge, identified, components, at, product_of)]
    return tuple(sorted(found, key=lambda one: (_SUBJECTS.index(one.subject), one.product, one.cycle)))


def support_of_line(knowledge: Knowledge, product: str, cycle: str, at: date) -> Support | None:
    """Until when somebody cares for a release line; None for one that is not known."""
    line = _line(knowledge, product, [cycle])
    return _support(line, _subject(knowledge, product), "", UNKNOWN, at) if line else None


def _of_distribution(
    knowledge: Knowledge, components: Iterable[Component], os_release: OsRelease | None, at: date
) -> Iterator[Support]:
    if os_release is None or not os_release.version_id:
        return
    line = next(
        (line for name in names_of_os(os_release) if (line := _line(knowledge, name, lines_of(os_release.version_id)))),
        None,
    )
    if line is not None:
        homes = Counter(one.ecosystem for one in components if one.kind.is_of_distribution and one.ecosystem)
        home = min(homes, key=lambda name: (-homes[name], name), default=Ecosystem(""))
        upkeep = upkeep_of_release(knowledge, home, at) if home else UNKNOWN
        yield _support(line, "distribution", "", upkeep, at)


def _of_base(knowledge: Knowledge, identified: _Identified, base_name: str, at: date) -> Iterator[Support]:
    for kind, name, tag in names_of_image(base_name):
        for product in _products(identified, kind, name):
            word = tag.partition("-")[0]
            line = _line(knowledge, product, lines_of(tag), codename=word)
            if line is not None:
                yield _support(line, "base", "", UNKNOWN, at)
                return


def _of_components(
    knowledge: Knowledge,
    identified: _Identified,
    components: Iterable[Component],
    at: date,
    product_of: Callable[[str], str],
) -> Iterator[Support]:
    running = {one.purl: one for one in components if one.scope in _RUNS}
    seen: set[tuple[str, str]] = set()
    for _, component in sorted(running.items()):
        product = product_of(component.name) if component.kind is PackageKind.GENERIC else ""
        line = _line_of(knowledge, identified, component, product)
        if line is None or (line.product, line.cycle) in seen:
            continue
        seen.add((line.product, line.cycle))
        if subject := _subject(knowledge, line.product):
            yield _support(line, subject, component.purl, _upkeep(knowledge, component, line.cycle, at), at)


def _line_of(knowledge: Knowledge, identified: _Identified, component: Component, known_as: str) -> _Line | None:
    for kind, name in names_of_component(component, known_as):
        for product in _products(identified, kind, name):
            lines = lines_of(component.version, java=any(word in product for word in _JAVA))
            if line := _line(knowledge, product, lines):
                return line
    return None


def _identified(knowledge: Knowledge) -> _Identified:
    found: dict[tuple[str, str], list[str]] = {}
    for kind, name, product in knowledge.rows(_IDENTIFIED):
        found.setdefault((kind, name), []).append(product)
    return found


def _products(identified: _Identified, kind: str, name: str) -> Sequence[str]:
    return (name,) if kind == "product" else identified.get((kind, name), ())


def _line(knowledge: Knowledge, name: str, lines: list[str], codename: str = "") -> _Line | None:
    rows = [_Line(*row) for row in knowledge.rows(_CYCLES, (name,))]
    by_cycle = {row.cycle: row for row in rows}
    found = next((by_cycle[line] for line in lines if line in by_cycle), None)
    return found or next((row for row in rows if codename and row.codename == codename), None)


def _subject(knowledge: Knowledge, product: str) -> str:
    """What kind of thing a product is; "" for what cannot be a component."""
    if product == _KERNEL:
        return "kernel"
    ((category,),) = knowledge.rows(_CATEGORY, (product,)) or [("",)]
    if category in _NOT_SOFTWARE:
        return ""
    if category == "lang" or product in _RUNTIMES:
        return "runtime"
    return "framework" if category == "framework" else "component"


def _upkeep(knowledge: Knowledge, component: Component, cycle: str, at: date) -> Upkeep:
    home = lookup_ecosystem(component.ecosystem)
    if not home or not knowledge.covers(home):
        return UNKNOWN
    name = lookup_name(home, component.name)
    return upkeep_of_line(knowledge, home, name, lambda fixed: cycle in lines_of(fixed), at)


def _support(line: _Line, subject: str, purl: str, upkeep: Upkeep, at: date) -> Support:
    last = line.ends
    if line.product in _FREE_EXTENSION and _is_day(line.ends) and _is_day(line.extended):
        last = max(line.ends, line.extended)
    day = date.fromisoformat(last) if _is_day(last) else None
    return Support(
        product=line.product,
        cycle=line.cycle,
        ends=day,
        ended=last == "yes" or (day is not None and day < at),
        latest=line.latest,
        subject=subject,
        purl=purl,
        days_left=None if day is None else (day - at).days,
        last_fix=upkeep.last_fix,
        fixes_per_year=upkeep.fixes_per_year,
    )


def _is_day(text: str) -> bool:
    return text[:1].isdecimal()
