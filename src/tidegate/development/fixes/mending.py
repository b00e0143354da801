# SPDX-License-Identifier: Apache-2.0
"""Mends one document: makes each safe edit that answers a finding of it, and proves that the finding is gone.

An edit after which the document cannot be read, a finding stays, or a new one comes, is left out. So what is handed
back is never worse than what came, and mending it again changes nothing.
"""

from collections import Counter
from typing import Final

from tidegate.checks.documents import check_document, is_template
from tidegate.development.fixes.dockerfile import Resolve, dockerfile_edits
from tidegate.development.fixes.edit import Edit, edited
from tidegate.development.fixes.manifest import manifest_edits
from tidegate.errors import InvalidInputError
from tidegate.evidence import Misconfiguration
from tidegate.manifests.image_edit import NewImage, with_images
from tidegate.manifests.image_places import image_places
from tidegate.values import Struct

_PINNED: Final = ("TG-K8S-016", "TG-K8S-017")
_MAX_TRIED: Final = 200
"""Groups of edits that are tried one by one when all of them together are no better."""
_BOM: Final = "\ufeff"


class Done(Struct, frozen=True, kw_only=True):
    """One thing that was mended; `line` is where the check objected, before."""

    check: str
    line: int
    what: str


class Mended(Struct, frozen=True, kw_only=True):
    """A document afterwards; the same bytes when nothing was done."""

    raw: bytes
    done: tuple[Done, ...] = ()


def mend(raw: bytes, *, path: str, kind: str, resolve: Resolve | None = None) -> Mended:
    """Mends what can be mended safely.

    Args:
        raw: the document.
        path: its name in errors.
        kind: `dockerfile` or `manifest`, as `checks.documents.kind_by_name` tells; others stay as they are.
        resolve: which digest an image's name means now; None pins nothing.

    Returns:
        The same bytes for a document that cannot be read: the checks tell of it.
    """
    try:
        text = raw.decode()
        if kind not in {"dockerfile", "manifest"} or text.startswith(_BOM) or (kind == "manifest" and is_template(raw)):
            return Mended(raw=raw)
        found = check_document(raw, path=path, kind=kind)
        if not found:
            return Mended(raw=raw)
        offered = _offered(text, path, kind, resolve)
    except (InvalidInputError, UnicodeDecodeError):
        return Mended(raw=raw)
    wanted = {(one.id, one.line) for one in found}
    text, kept = _made(text, [it for it in offered if (it.check, it.line) in wanted], path, kind)
    done = [Done(check=it.check, line=it.line, what=it.what) for it in kept]
    if kind == "manifest" and resolve is not None:
        text, pinned = _with_digests(text, path, resolve)
        done += pinned
    return Mended(raw=text.encode(), done=tuple(sorted(done, key=lambda it: (it.line, it.check))))


def _offered(text: str, path: str, kind: str, resolve: Resolve | None) -> list[Edit]:
    if kind == "dockerfile":
        return dockerfile_edits(text, where=path, resolve=resolve)
    return manifest_edits(text, where=path)


def _made(text: str, edits: list[Edit], path: str, kind: str) -> tuple[str, list[Edit]]:
    """All of them when that is proved; else check by check, those that are."""
    if not edits or _is_better(text, edited(text, edits), {it.check for it in edits}, path, kind):
        return edited(text, edits), edits
    kept: list[Edit] = []
    groups: dict[object, list[Edit]] = {}
    for it in edits:
        # A new map hangs together, and so does what one instruction lacks: each is kept or left as a whole.
        groups.setdefault(it.start if kind == "manifest" else (it.check, it.line), []).append(it)
    for tried in list(groups.values())[:_MAX_TRIED]:
        if _is_better(text, edited(text, [*kept, *tried]), {it.check for it in tried}, path, kind):
            kept += tried
    return edited(text, kept), kept


def _is_better(before: str, after: str, checks: set[str], path: str, kind: str) -> bool:
    """The checks object less often, and no other objects more often."""
    try:
        old, new = (_counted(check_document(it.encode(), path=path, kind=kind)) for it in (before, after))
    except InvalidInputError:
        return False
    return all(new[it] < old[it] for it in checks) and all(new[it] <= old[it] for it in new)


def _counted(found: list[Misconfiguration] | None) -> Counter[str]:
    return Counter(it.id for it in found or ())


def _with_digests(text: str, path: str, resolve: Resolve) -> tuple[str, list[Done]]:
    done: list[Done] = []
    for place in image_places(text, where=path):
        reference = place.reference
        if reference.digest is not None or (digest := resolve(reference)) is None:
            continue
        try:
            text = with_images(text, {place.path: NewImage(tag=reference.tag, digest=digest)}, where=path)
        except InvalidInputError:
            continue  # written in a way that cannot be edited alone
        check = _PINNED[1] if reference.tag and str(reference.tag) != "latest" else _PINNED[0]
        done.append(Done(check=check, line=place.line, what=f"pins {reference} to {digest}"))
    return text, done
