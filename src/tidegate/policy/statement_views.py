# SPDX-License-Identifier: Apache-2.0
"""Statements of which the newest counts, as rules see them: SBOM, provenance, source, commits, behaviour."""

from collections.abc import Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final

from tidegate.evidence import Evidence
from tidegate.evidence.predicates.behaviour import Behaviour, Deviation, read_behaviour
from tidegate.evidence.predicates.commits import CheckedCommit, read_commit_trail
from tidegate.evidence.predicates.provenance import Material, read_provenance
from tidegate.evidence.predicates.signatures import read_signatures
from tidegate.evidence.predicates.source import Protection, read_source
from tidegate.policy.item import Item, View
from tidegate.policy.scan_items import Shape


def view_sbom(evidence: Evidence) -> View:
    """The variable `sbom`: CycloneDX, or SPDX 2."""
    document: Mapping[str, object] = evidence.predicate
    spdx = document.get("spdxVersion")
    form, version = (
        ("SPDX", spdx) if isinstance(spdx, str) else (document.get("bomFormat"), document.get("specVersion"))
    )
    components = document.get("packages" if isinstance(spdx, str) else "components")
    values: dict[str, object] = {
        "format": str(form or ""),
        "spec_version": str(version or "").removeprefix("SPDX-"),
        "components": len(components) if isinstance(components, list) else 0,
    }
    return View(variables={"sbom": values})


def view_signatures(evidence: Evidence) -> View:
    """The variable `signatures`: what a trust policy made of the signatures on the image.

    Raises:
        InvalidInputError: it is no such report.
    """
    found = read_signatures(evidence.predicate, where=f"signatures {evidence.digest}")
    unmet = [one for one in found.requirements if not one.met]
    reasons = (*found.reasons, *(f"{one.name}: {reason}" for one in unmet for reason in one.reasons))
    values: dict[str, object] = {
        "policy": found.policy,
        "verified": found.verified,
        "met": [one.name for one in found.requirements if one.met],
        "unmet": [one.name for one in unmet],
        "found": len(found.signatures),
        "holding": sum(one.holds for one in found.signatures),
        "vouchers": sorted({voucher.who for one in found.signatures for voucher in one.vouchers}),
        "reason": reasons[0] if reasons else "",
    }
    return View(variables={"signatures": values})


def view_provenance(evidence: Evidence) -> View:
    """The variable `provenance` and the collection `materials`.

    Raises:
        InvalidInputError: it names no builder or no build type, or is over a bound.
    """
    found = read_provenance(evidence.predicate_type, evidence.predicate, where=f"provenance {evidence.digest}")
    values: dict[str, object] = {
        "builder": found.builder,
        "build_type": found.build_type,
        "has_source": bool(found.source.uri),
        "source": found.source.uri,
        "source_ref": found.source.ref,
        "source_digest": found.source.digest,
        "materials": len(found.materials),
        "invocation": found.invocation,
        "started": found.started,
        "finished": found.finished,
        "commits": list(found.commits),
    }
    members = partial(_MATERIALS.members, found.materials)
    return View(variables={"provenance": values}, collections={"materials": members})


def view_source(evidence: Evidence) -> View:
    """The variable `source`.

    Raises:
        InvalidInputError: it names no repository or no commit.
    """
    found = read_source(evidence.predicate, where=f"source {evidence.digest}")
    protection = found.protection or Protection(ref="-")
    of_commit, of_tag = found.signature, found.tag_signature
    values: dict[str, object] = {
        "repository": found.repository,
        "commit": found.commit,
        "tree": found.tree,
        "ref": found.ref,
        "tag": found.tag,
        "commit_signed": of_commit is not None and of_commit.verified,
        "commit_signer": of_commit.signer if of_commit and of_commit.verified else "",
        "tag_signed": of_tag is not None and of_tag.verified,
        "tag_signer": of_tag.signer if of_tag and of_tag.verified else "",
        "is_protected": found.protection is not None,
        "required_reviews": protection.required_reviews,
        "force_push_blocked": protection.force_push_blocked,
        "deletion_blocked": protection.deletion_blocked,
        "signatures_required": protection.signatures_required,
        "required_checks": list(protection.required_checks),
        "bypassed_by": list(protection.bypassed_by),
        "levels": list(found.levels),
    }
    return View(variables={"source": values})


def view_commits(evidence: Evidence) -> View:
    """The variable `commits` and the collection `trail`.

    Raises:
        InvalidInputError: it is no commit trail, or contradicts itself.
    """
    found = read_commit_trail(evidence.predicate, where=f"commits {evidence.digest}")
    values: dict[str, object] = {
        "repository": found.repository,
        "base": found.base,
        "tip": found.tip,
        "count": found.count,
        "signed": found.signed,
        "all_signed": found.signed == found.count,
        "reviewed": found.reviewed,
        "all_reviewed": found.reviewed == found.count,
        "merges": found.merges,
        "failing": found.failing,
        "passed": found.passed,
        "rewritten": found.rewritten,
        "demanded": list(found.demanded),
        "problems": list(found.problems),
        "authors": list(found.authors),
        "tool": found.tool,
    }
    return View(variables={"commits": values}, collections={"trail": partial(_TRAIL.members, found.commits)})


def view_behaviour(evidence: Evidence) -> View:
    """The variable `behaviour` and the collection `deviations`.

    Raises:
        InvalidInputError: it is in neither form, or over a bound.
    """
    where = f"behaviour {evidence.digest}"
    found: Behaviour = read_behaviour(evidence.predicate_type, evidence.predicate, where=where)
    values: dict[str, object] = {
        "monitor": found.monitor,
        "has_expectation": bool(found.expected_by),
        "processes": list(found.processes),
        "connections": list(found.connections),
        "writes": list(found.writes),
        "deviations": len(found.deviations),
        "events": found.events,
        "started": found.started_on,
        "finished": found.finished_on,
    }
    members = partial(_DEVIATIONS.members, found.deviations)
    return View(variables={"behaviour": values}, collections={"deviations": members})


def _shown(it: Material) -> Item:
    names = frozenset(filter(None, (it.uri, it.name)))
    uri = it.uri or ""
    return Item(shown=uri or it.name or it.stated, names=names, purl=uri if uri.startswith("pkg:") else "")


def _listed(name: str) -> Any:
    return lambda it: list(getattr(it, name))


_MATERIALS: Final[Shape[Material]] = Shape(
    fields={
        "name": lambda it: it.name or "",
        "uri": lambda it: it.uri or "",
        "has_digest": lambda it: bool(it.stated),
        "digest": lambda it: it.stated,
    },
    item=_shown,
)
_TRAIL: Final[Shape[CheckedCommit]] = Shape(
    fields={
        **{name: attrgetter(name) for name in ("id", "author", "committer", "form", "signer", "key", "merge")},
        **{name: _listed(name) for name in ("reviewers", "co_authors", "problems")},
        "signature": lambda it: it.signature.value,
    },
    item=lambda it: Item(shown=it.id, names=frozenset({it.id})),
)
_DEVIATIONS: Final[Shape[Deviation]] = Shape(
    fields={"kind": attrgetter("kind"), "what": attrgetter("what")},
    item=lambda it: Item(shown=f"{it.kind} {it.what}", names=frozenset({it.what})),
)
