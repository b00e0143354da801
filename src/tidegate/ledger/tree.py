# SPDX-License-Identifier: Apache-2.0
"""The shape of an RFC 6962 tree: which complete subtrees make up a span, a root or a proof. Arithmetic only.

A node is (level, index): it stands over the leaves `index << level` up to `(index + 1) << level`, all of them there.
"""

from collections.abc import Iterator, Mapping, Sequence

from tidegate.ledger.proof import EMPTY_ROOT, node_hash

Node = tuple[int, int]
Span = tuple[int, int]
"""Leaves from the first up to, not including, the second."""


def complete_subtrees(span: Span) -> list[Node]:
    """The complete subtrees that make up a span of section 2.1's recursion, left to right.

    The span starts at a multiple of the largest power of two below its length, as every one of the recursion does.
    """
    start, end = span
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def span_hash(span: Span, hashes: Mapping[Node, bytes]) -> bytes:
    """The hash over a span, from those of its complete subtrees; the empty string's for an empty one."""
    if span[0] == span[1]:
        return EMPTY_ROOT
    *rest, last = (hashes[node] for node in complete_subtrees(span))
    for left in reversed(rest):
        last = node_hash(left, last)
    return last


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Whose hashes prove that a leaf is in a tree of this size: RFC 6962 section 2.1.1, `PATH(m, D[n])`."""
    return list(_path(index, (0, size)))[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """Whose hashes prove that a tree of one size starts with the smaller one: section 2.1.2, `PROOF(m, D[n])`."""
    if old in (0, new):
        return []
    return list(_subproof(old, (0, new)))[::-1]


def nodes_of(spans: Sequence[Span]) -> list[Node]:
    """All complete subtrees of several spans."""
    return [node for span in spans for node in complete_subtrees(span)]


def _split(span: Span) -> int:
    """Where the recursion cuts: after the largest power of two smaller than the length."""
    start, end = span
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _path(index: int, span: Span) -> Iterator[Span]:
    """Siblings on the way down, root first."""
    while span[1] - span[0] > 1:
        middle = _split(span)
        left, right = (span[0], middle), (middle, span[1])
        span, sibling = (left, right) if index < middle else (right, left)
        yield sibling


def _subproof(old: int, span: Span) -> Iterator[Span]:
    whole = True  # the old tree's root is still the one we stand on, and known to the verifier
    while old != span[1]:
        middle = _split(span)
        if old <= middle:
            yield (middle, span[1])
            span = (span[0], middle)
        else:
            yield (span[0], middle)
            span, whole = (middle, span[1]), False
    if not whole:
        yield span
