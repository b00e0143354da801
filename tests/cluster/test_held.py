# SPDX-License-Identifier: Apache-2.0
"""Changes that remember what was: whatever an object says and in whatever order holds come and go, it is as it was."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_objects import merged, tidy

from tidegate.cluster.held import ISOLATED, MARK, WHY, Path, Value, annotation_of, give_back, held, take
from tidegate.errors import InvalidInputError
from tidegate.execution.response_policy import Step

_KEYS = st.sampled_from(["app", "tier", "example.org/team", MARK, ISOLATED])
_VALUES = st.text(alphabet='abc"\\{}é', max_size=8)
_LABELS = st.dictionaries(_KEYS, _VALUES, max_size=5)
_NOTES = st.dictionaries(st.sampled_from([WHY, "note", "example.org/by"]), _VALUES, max_size=3)
_SPEC = st.fixed_dictionaries(
    {"paused": st.booleans()},
    optional={"replicas": st.integers(0, 100), "suspend": st.booleans(), "unschedulable": st.just(True)},  # noqa: FBT003
)
_WANTED: dict[Step, dict[Path, Value]] = {
    Step.LABEL: {("metadata", "labels", MARK): "it"},
    Step.ANNOTATE: {("metadata", "annotations", WHY): "why"},
    Step.ISOLATE: {("metadata", "labels", ISOLATED): "uid", ("metadata", "labels", "app"): None},
    Step.SCALE_TO_ZERO: {("spec", "replicas"): 0},
    Step.CORDON: {("spec", "unschedulable"): True},
}
_HOLDS = st.lists(st.tuples(st.sampled_from(sorted(_WANTED)), st.integers(0, 3)), max_size=8, unique=True)


@st.composite
def _objects(draw: st.DrawFn) -> dict[str, Any]:
    metadata = {"name": "it", "resourceVersion": "1", "labels": draw(_LABELS), "annotations": draw(_NOTES)}
    made: dict[str, Any] = tidy({"kind": "It", "metadata": metadata, "spec": draw(_SPEC)})
    return made


@given(_objects(), _HOLDS, st.randoms(use_true_random=False))
def test_undo_after_do_restores_the_object_exactly(found: dict[str, Any], holds: Any, order: Any) -> None:
    before = found
    for step, number in holds:
        found = tidy(merged(found, take(found, step, f"{number:032x}", _WANTED[step])))
        assert take(found, step, f"{number:032x}", _WANTED[step]) == {}, "the same order again changes nothing"
    undone = list(holds)
    order.shuffle(undone)
    for step, number in undone:
        assert found != before
        found = tidy(merged(found, give_back(found, step, f"{number:032x}")))
        assert give_back(found, step, f"{number:032x}") == {}
    assert found == before


@given(st.text(max_size=200) | st.sampled_from(['{"orders":[],"values":[{"path":["spec"],"before":1,"after":0}]}']))
def test_what_stands_there_is_ours_or_refused(text: str) -> None:
    found = {"metadata": {"annotations": {annotation_of(Step.SCALE_TO_ZERO): text}}, "spec": {"replicas": 0}}
    with pytest.raises(InvalidInputError):
        held(found, Step.SCALE_TO_ZERO)


@pytest.mark.parametrize("before", ['"3"', "-1", "true", "[]"])
def test_a_number_of_pods_is_one(before: str) -> None:
    text = f'{{"orders":["a"],"values":[{{"path":["spec","replicas"],"before":{before},"after":0}}]}}'
    found = {"metadata": {"annotations": {annotation_of(Step.SCALE_TO_ZERO): text}}, "spec": {"replicas": 0}}
    with pytest.raises(InvalidInputError):
        give_back(found, Step.SCALE_TO_ZERO, "a")
