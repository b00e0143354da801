# SPDX-License-Identifier: Apache-2.0
"""States that people set, restrictions and blobs, at the registry's own door."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import artifact, image, index
from registry_client import code_of, push, push_blob, put_manifest

from tidegate.admission.gate import Gate
from tidegate.admission.records import records_of
from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.curation.change import Act, Changed, Wish, change_state
from tidegate.curation.lifecycle import UnlawfulChangeError
from tidegate.curation.restrict_by_rule import restrict_repositories
from tidegate.curation.states import State
from tidegate.errors import InvalidInputError
from tidegate.events import Event
from tidegate.evidence import STATE_CHANGE, VSA, Verdict
from tidegate.evidence.restriction import parse_restriction
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.storage.outbox import read_after

NAME, TOKEN = "team/app", "a-long-enough-token"
KEY = SigningKey.generate()
GATE = Gate(policies=(), signer=KEY, trusted=TrustedKeys.of([KEY.verifying]), verifier_id="https://test.example")
MADE = image()
LAYER = Digest.of(MADE.blobs[1])


@pytest.fixture
def guarded(start_registry: Callable[..., LiveRegistry]) -> Iterator[LiveRegistry]:
    with start_registry(token=TOKEN) as live:
        yield live


def _as(live: LiveRegistry, name: str) -> httpx.Client:
    return live.client(auth=(name, TOKEN))


def _change(live: LiveRegistry, act: str, digest: str = MADE.digest, **more: object) -> Changed:
    wish = Wish(act=Act(act), reason=f"because of {act}", who="olga", **more)  # type: ignore[arg-type]
    with live.database.begin() as connection:
        return change_state(connection, GATE, Digest(digest), wish, at=system_clock())


def _get(live: LiveRegistry, name: str, path: str) -> httpx.Response:
    with _as(live, name) as http:
        return http.get(f"/v2/{NAME}/{path}")


def _admitted(live: LiveRegistry) -> None:
    with _as(live, "builder") as http:
        push(http, NAME, MADE, "v1")
    live.admit(MADE.digest)


def _events(live: LiveRegistry) -> list[Event]:
    with live.database.read() as connection:
        return [event for _, event in read_after(connection, 0, 1000)]


def test_a_restricted_image_is_for_those_it_is_kept_for(guarded: LiveRegistry) -> None:
    _admitted(guarded)
    _change(guarded, "restrict", restriction=parse_restriction(["anna", "robot-*"]))
    for name in ("anna", "robot-ci"):
        answer = _get(guarded, name, "manifests/v1")
        assert (answer.status_code, answer.headers["tidegate-state"]) == (200, "restricted")
        assert _get(guarded, name, f"blobs/{LAYER}").status_code == 200
    refused = _get(guarded, "berta", "manifests/v1")
    assert (refused.status_code, code_of(refused)) == (403, "DENIED")
    assert "kept for anna, robot-* (because of restrict)" in refused.json()["errors"][0]["message"]
    assert _get(guarded, "berta", f"blobs/{LAYER}").status_code == 403
    _change(guarded, "restrict", restriction=parse_restriction(where=["192.0.2.0/24"]))
    assert _get(guarded, "anna", "manifests/v1").status_code == 403
    _change(guarded, "restrict", restriction=parse_restriction(until="2020-01-01"))
    assert _get(guarded, "anna", "manifests/v1").status_code == 403
    _change(guarded, "release")
    assert _get(guarded, "berta", "manifests/v1").status_code == 200
    assert _get(guarded, "berta", f"blobs/{LAYER}").status_code == 200


def test_a_rule_keeps_repositories_and_nothing_else(guarded: LiveRegistry) -> None:
    _admitted(guarded)
    with _as(guarded, "builder") as http:
        push(http, "open/app", MADE, "v1")
    with guarded.database.begin() as connection:
        rule = parse_restriction(["anna"])
        restrict_repositories(connection, GATE, "team/*", rule, reason="pilot", by="olga", at=system_clock())
    assert _get(guarded, "anna", "manifests/v1").status_code == 200
    assert _get(guarded, "berta", "manifests/v1").status_code == 403
    assert _get(guarded, "berta", f"blobs/{LAYER}").status_code == 403
    with _as(guarded, "berta") as http:
        assert http.get("/v2/open/app/manifests/v1").status_code == 200
        assert http.get(f"/v2/open/app/blobs/{LAYER}").status_code == 200


def test_a_deprecated_image_is_served_with_a_warning(guarded: LiveRegistry) -> None:
    _admitted(guarded)
    sunset = datetime(2027, 6, 30, tzinfo=UTC)
    _change(guarded, "deprecate", sunset=sunset, replacement="team/app:2")
    answer = _get(guarded, "berta", "manifests/v1")
    assert answer.status_code == 200
    assert answer.headers["deprecation"].startswith("@")
    assert answer.headers["sunset"] == "Wed, 30 Jun 2027 00:00:00 GMT"
    said = "this image is deprecated, to be gone on 2027-06-30: because of deprecate; use team/app:2"
    assert answer.headers["warning"] == f'299 - "{said}"'
    assert _get(guarded, "berta", f"blobs/{LAYER}").status_code == 200


def test_every_change_is_signed_recorded_and_told_with_who_and_why(guarded: LiveRegistry) -> None:
    _admitted(guarded)
    acts = ("deprecate", "release", "recall", "release")
    states = [_change(guarded, act).after for act in acts]
    assert states == [State.DEPRECATED, State.ADMITTED, State.RECALLED, State.QUARANTINED]
    with guarded.database.read() as connection:
        records = [one for one in records_of(connection, MADE.digest) if one.predicate_type == STATE_CHANGE]
        decisions = [one for one in records_of(connection, MADE.digest) if one.predicate_type == VSA]
        denial = GATE.decision_named(connection, decisions[0].digest)
    assert len(records) == 4
    assert denial is not None
    assert denial.verdict is Verdict.DENY
    assert denial.reasons[0].message == "recalled by olga: because of recall"
    told = [event for event in _events(guarded) if event.data.get("who") == "olga"]
    assert [event.data["evidence"] for event in told] == [one.digest for one in records]
    assert [event.data["why"] for event in told] == [f"because of {act}" for act in acts]


def test_unlawful_changes_name_the_lawful_ones_and_leave_nothing(guarded: LiveRegistry) -> None:
    _admitted(guarded)
    _change(guarded, "retire")
    before = len(_events(guarded))
    with pytest.raises(UnlawfulChangeError, match="is retired and cannot become deprecated; retired is final"):
        _change(guarded, "deprecate")
    with pytest.raises(InvalidInputError, match="reason"), guarded.database.begin() as connection:
        change_state(connection, GATE, MADE.digest, Wish(act=Act.RECALL, reason=" ", who="olga"), at=system_clock())
    assert len(_events(guarded)) == before
    with guarded.database.read() as connection:
        assert len(records_of(connection, MADE.digest)) == 2


def test_blobs_of_a_withheld_image_are_not_had_by_their_digest(guarded: LiveRegistry) -> None:
    with _as(guarded, "builder") as http:
        push(http, NAME, MADE, "v1")
    for path in (f"blobs/{LAYER}", f"blobs/{Digest.of(MADE.blobs[0])}"):
        refused = _get(guarded, "berta", path)
        assert (refused.status_code, code_of(refused)) == (403, "DENIED")
        assert _get(guarded, "builder", path).status_code == 200
    with _as(guarded, "berta") as http:
        assert http.head(f"/v2/{NAME}/blobs/{LAYER}").status_code == 404  # so that those who have it send it
        mounting = {"mount": LAYER, "from": NAME}
        assert http.post("/v2/mine/own/blobs/uploads/", params=mounting).status_code == 202
        assert http.get(f"/v2/mine/own/blobs/{LAYER}").status_code == 404
    guarded.admit(MADE.digest)
    assert _get(guarded, "berta", f"blobs/{LAYER}").content == MADE.blobs[1]
    _change(guarded, "recall")
    assert _get(guarded, "berta", f"blobs/{LAYER}").status_code == 403
    with _as(guarded, "builder") as http:
        assert http.post("/v2/mine/own/blobs/uploads/", params=mounting).status_code == 201


def test_an_attachment_opens_no_layer_of_a_withheld_image(guarded: LiveRegistry) -> None:
    """Attachments skip the gate: one that names an image's layer as a document of its own must not bring it out."""
    with _as(guarded, "builder") as http:
        push(http, NAME, MADE, "v1")
    sly = artifact(MADE, layer=MADE.blobs[1], layer_type="text/plain")
    with _as(guarded, "berta") as http:
        push_blob(http, NAME, b"{}")
        assert put_manifest(http, NAME, sly, sly.digest).status_code == 404  # more of this in test_registry_claims.py
    with _as(guarded, "builder") as http:  # who had its bytes may hang them anywhere; they open to nobody else
        assert put_manifest(http, NAME, sly, sly.digest).headers["tidegate-state"] == "attached"
    with _as(guarded, "berta") as http:
        assert http.get(f"/v2/{NAME}/blobs/{LAYER}").status_code == 403
        honest = artifact(MADE)
        push(http, NAME, honest)
    assert _get(guarded, "carla", f"blobs/{Digest.of(honest.blobs[1])}").status_code == 200
    assert _get(guarded, "carla", f"blobs/{Digest.of(b'{}')}").status_code == 200


def test_a_layer_that_a_served_image_shares_is_served(guarded: LiveRegistry) -> None:
    other = image(annotations={"a": "b"})
    with _as(guarded, "builder") as http:
        push(http, NAME, MADE, "v1")
        push(http, NAME, other, "v2")
    guarded.settle(MADE.digest, State.ANALYSING, State.REJECTED)
    assert _get(guarded, "berta", f"blobs/{LAYER}").status_code == 403
    guarded.admit(other.digest)
    assert _get(guarded, "berta", f"blobs/{LAYER}").status_code == 200
    past = "2020-01-01T00:00:00Z"
    guarded.settle(other.digest, State.RECALLED, State.ANALYSING)
    guarded.settle(other.digest, State.ADMITTED, expires_at=past)
    assert _get(guarded, "berta", f"blobs/{LAYER}").status_code == 403


def test_nobody_knows_who_uploaded_anonymously(http: httpx.Client, live: LiveRegistry) -> None:
    push_blob(http, NAME, MADE.blobs[1])
    assert http.get(f"/v2/{NAME}/blobs/{LAYER}").status_code == 200  # nothing speaks of it yet, and they had it
    push(http, NAME, MADE, "v1")
    assert http.get(f"/v2/{NAME}/blobs/{LAYER}").status_code == 403
    live.admit(MADE.digest)
    assert http.get(f"/v2/{NAME}/blobs/{LAYER}").status_code == 200


def test_observing_withholds_no_blob(start_registry: Callable[..., LiveRegistry]) -> None:
    with start_registry(observes=True) as live, live.client() as http:
        push(http, NAME, MADE, "v1")
        assert http.get(f"/v2/{NAME}/blobs/{LAYER}").status_code == 200


def test_an_index_tells_which_of_its_platforms_are_withheld(guarded: LiveRegistry) -> None:
    good, bad = image("good"), image("bad")
    both = index(good, bad)
    with _as(guarded, "builder") as http:
        for made in (good, bad):
            push(http, NAME, made)
        push(http, NAME, both, "v1")
    guarded.admit(good.digest)
    guarded.settle(bad.digest, State.ANALYSING, State.REJECTED)
    guarded.admit(both.digest)
    answer = _get(guarded, "berta", "manifests/v1")
    assert answer.headers["tidegate-withheld-platforms"] == "linux/arm64 (rejected)"
    assert "withheld: linux/arm64" in answer.headers["warning"]
    assert _get(guarded, "berta", f"manifests/{good.digest}").status_code == 200
    assert _get(guarded, "berta", f"manifests/{bad.digest}").status_code == 403


def test_with_an_index_go_the_images_that_are_its_own(guarded: LiveRegistry) -> None:
    own, shared, tagged = image("own"), image("shared"), image("tagged")
    first, second = index(own, shared, tagged), index(shared)
    with _as(guarded, "builder") as http:
        for made in (own, shared):
            push(http, NAME, made)
        push(http, NAME, tagged, "alone")
        push(http, NAME, first, "v1")
        push(http, NAME, second, "v2")
    for made in (own, shared, tagged, first, second):
        guarded.admit(made.digest)
    changed = _change(guarded, "restrict", first.digest, restriction=parse_restriction(["anna"]))
    assert changed.with_children == (own.digest,)
    for made, status in ((first, 403), (own, 403), (shared, 200), (tagged, 200), (second, 200)):
        assert _get(guarded, "berta", f"manifests/{made.digest}").status_code == status
    assert _get(guarded, "berta", f"blobs/{Digest.of(own.blobs[1])}").status_code == 403
    assert _get(guarded, "anna", f"manifests/{own.digest}").status_code == 200
    _change(guarded, "recall", first.digest)
    assert _get(guarded, "anna", f"manifests/{own.digest}").status_code == 403
    assert _change(guarded, "release", first.digest).with_children == (own.digest,)
