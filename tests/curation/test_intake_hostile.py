# SPDX-License-Identifier: Apache-2.0
"""Upstreams that lie, stall, lead elsewhere or change: nothing of it is taken, and it is said why."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from toxic_upstream import APP, Taking, Toxic, descriptor, reply, serving, taking_from

from tidegate.artifact import Digest, Platform, Repository, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.consumer import Consumer
from tidegate.curation.intake.entry import Outcome
from tidegate.curation.intake.pull_through import NotTakenError, UnderExaminationError
from tidegate.curation.keeping.name_pattern import Patterns
from tidegate.curation.shelf import ManifestUnknownError, WithheldError
from tidegate.curation.states import State
from tidegate.oci.credentials import Credentials, Keyring
from tidegate.storage.schema import manifest, outbox

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


class Hands:
    """A clock whose hands are set."""

    at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def toxic() -> Iterator[Toxic]:
    with serving(Toxic()) as running:
        yield running


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def taking(toxic: Toxic, tmp_path: Path, clock: Hands) -> Iterator[Taking]:
    with taking_from(toxic, tmp_path, clock) as stand:
        yield stand


def refused(taking: Taking, tag: str, reason: str) -> None:
    """Takes a tag in and makes sure that it was refused, and that nothing of it is here."""
    entry = taking.take(tag)
    assert entry.outcome is Outcome.REFUSED, entry
    assert reason in entry.reason
    with taking.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(manifest)) == 0
        assert connection.scalar(select(func.count()).where(outbox.c.kind == "intake.image.refused")) == 1
    with pytest.raises(NotTakenError) as told:
        taking.pulls.look(APP, Tag(tag), who="me")
    assert reason in str(told.value)


def test_an_image_comes_whole_and_is_held_until_its_verdict(taking: Taking, toxic: Toxic) -> None:
    digest = toxic.image("1")
    entry = taking.take("1")
    assert (entry.outcome, entry.digest) == (Outcome.ARRIVED, digest)
    with pytest.raises(UnderExaminationError, match="is being examined"):
        taking.pulls.look(APP, Tag("1"), who="me")
    for blob in toxic.blobs:
        with pytest.raises(WithheldError):
            taking.shelf.open_blob(APP, Digest(blob), Consumer(name="me"))
    taking.admit(digest)
    ready = taking.pulls.look(APP, Tag("1"), who="me")
    assert (ready.digest, ready.standing) == (digest, "current")
    for blob in toxic.blobs:
        taking.shelf.open_blob(APP, Digest(blob), Consumer(name="me"))


def test_a_manifest_that_is_something_else_is_refused(taking: Taking, toxic: Toxic) -> None:
    digest = toxic.image("1")
    other = toxic.manifests[toxic.image("2", layer=b"other")]
    toxic.manifests[digest] = other
    refused(taking, "1", "digest mismatch")


def test_a_layer_that_is_something_else_is_refused(taking: Taking, toxic: Toxic) -> None:
    toxic.image("1", layer=b"honest")
    toxic.blobs[Digest.of(b"honest")] = b"h0nest"
    refused(taking, "1", "digest mismatch")


@pytest.mark.parametrize(("sent", "reason"), [(b"hones", "instead of 6"), (b"honest and more", "max_bytes = 6")])
def test_a_layer_of_another_size_is_refused(taking: Taking, toxic: Toxic, sent: bytes, reason: str) -> None:
    toxic.image("1", layer=b"honest")
    toxic.blobs[Digest.of(b"honest")] = sent
    refused(taking, "1", reason)


def test_an_endless_layer_is_cut_off_at_its_size(taking: Taking, toxic: Toxic) -> None:
    toxic.image("1", layer=b"honest")

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"4000\r\n" + bytes(0x4000) + b"\r\n")
        except OSError:
            request.close_connection = True

    toxic.answers[Digest.of(b"honest")] = endless
    refused(taking, "1", "max_bytes")


def test_a_layer_that_is_not_there_is_refused(taking: Taking, toxic: Toxic) -> None:
    toxic.image("1", layer=b"missing")
    del toxic.blobs[Digest.of(b"missing")]
    refused(taking, "1", "is missing")


def test_an_image_that_says_it_is_too_large_is_not_begun(taking: Taking, toxic: Toxic) -> None:
    toxic.image("1", layer=b"small", layer_more={"size": 1 << 40})
    refused(taking, "1", "intake.max_image_bytes")
    assert toxic.asked("GET", Digest.of(b"small")) == 0


def test_a_stalled_layer_is_given_up(toxic: Toxic, tmp_path: Path, clock: Hands) -> None:
    layer = b"x" * 1000
    toxic.image("1", layer=layer)
    ends: list[BaseHTTPRequestHandler] = []

    def stalls(request: BaseHTTPRequestHandler) -> None:
        reply(request, 200, layer[:10], Content_Length="1000")
        ends.append(request)
        request.connection.settimeout(20)
        request.connection.recv(1)  # until the other side gives up

    toxic.answers[Digest.of(layer)] = stalls
    with taking_from(toxic, tmp_path, clock, timeout_s=0.5) as taking:
        entry = taking.take("1")
    assert entry.outcome is Outcome.FAILED
    assert ends


@pytest.mark.parametrize("media_type", [mt.OCI_LAYER, mt.DOCKER_LAYER_FOREIGN, mt.OCI_LAYER_NONDISTRIBUTABLE])
def test_layers_kept_elsewhere_are_not_followed(taking: Taking, toxic: Toxic, media_type: str) -> None:
    with serving(Toxic()) as elsewhere:
        elsewhere.blobs[Digest.of(b"layer")] = b"layer"
        urls = [f"http://{elsewhere.host}/v2/x/blobs/{Digest.of(b'layer')}"]
        toxic.image("1", layer_more={"mediaType": media_type, "urls": urls})
        refused(taking, "1", "names other addresses")
        assert elsewhere.seen == []


def leading(where: Callable[[str], str]) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda request: reply(request, 307, Location=where(request.path))


@pytest.mark.parametrize("what", ["/manifests/1", "manifest", "blob"])
def test_redirects_lead_nowhere_that_was_not_opened(taking: Taking, toxic: Toxic, what: str) -> None:
    digest = toxic.image("1")
    with serving(Toxic()) as inside:
        inside.manifests, inside.blobs = toxic.manifests, toxic.blobs
        key = {"manifest": digest, "blob": Digest.of(b"layer")}.get(what, what)
        toxic.answers[key] = leading(lambda path: f"http://{inside.host}{path}")
        entry = taking.take("1")
        assert entry.outcome is Outcome.FAILED
        assert "is not public and was not opened" in entry.reason
        assert inside.seen == []


def test_https_never_becomes_http(taking: Taking, toxic: Toxic) -> None:
    toxic.image("1")
    toxic.answers["/manifests/1"] = leading(lambda path: f"http://registry.example{path}")
    entry = taking.take("1")
    assert entry.outcome is Outcome.FAILED
    assert "plain http" in entry.reason


def test_a_token_server_elsewhere_sees_no_password(toxic: Toxic, tmp_path: Path, clock: Hands) -> None:
    toxic.image("1")
    with serving(Toxic()) as thief:
        challenge = f'Bearer realm="http://{thief.host}/token",service="s"'
        toxic.answers["/manifests/1"] = lambda request: reply(request, 401, WWW_Authenticate=challenge)
        keyring = Keyring({toxic.host: Credentials(username="u", password="secret-password")})
        with taking_from(toxic, tmp_path, clock, keyring=keyring) as taking:
            entry = taking.take("1")
        assert entry.outcome is Outcome.FAILED
        assert "may not see our credentials" in entry.reason
        assert thief.seen == []
        assert not any("secret" in json.dumps(headers) for _, _, headers in toxic.seen)


def test_an_upstream_that_leads_to_itself_for_ever_is_given_up(taking: Taking, toxic: Toxic) -> None:
    toxic.answers["/manifests/1"] = leading(lambda path: path)
    entry = taking.take("1")
    assert "redirects" in entry.reason


def nested(toxic: Toxic, depth: int) -> None:
    inner = toxic.image("inner")
    raw, kind = toxic.manifests[inner]
    for level in range(depth):
        raw = json.dumps(
            {"schemaVersion": 2, "mediaType": mt.OCI_INDEX, "manifests": [descriptor(raw, kind)], "annotations": {}}
        ).encode()
        kind = mt.OCI_INDEX
        toxic.put(f"level-{level}", raw, kind)
    toxic.put("deep", raw, kind)


def test_indexes_in_indexes_end(taking: Taking, toxic: Toxic) -> None:
    nested(toxic, 6)
    refused(taking, "deep", "max_manifests")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"schemaVersion":2}', b'{"schemaVersion":1}', b"\x00"])
def test_what_is_no_manifest_is_refused(taking: Taking, toxic: Toxic, raw: bytes) -> None:
    toxic.put("1", raw, mt.OCI_MANIFEST)
    refused(taking, "1", "")


def test_a_young_image_waits_and_both_dates_are_told(toxic: Toxic, tmp_path: Path, clock: Hands) -> None:
    digest = toxic.image("1", created="2026-05-30T12:00:00Z")
    old = toxic.image("old", created="2020-01-01T00:00:00Z", layer=b"old")
    week = timedelta(days=7)
    with taking_from(toxic, tmp_path, clock, min_age=week) as taking:
        refused(taking, "1", "created 2026-05-30T12:00:00Z, first seen 2026-06-01T12:00:00Z")
        assert toxic.asked("GET", Digest.of(b"layer")) == 0, "no layer of it was fetched"
        forged = taking.take("old")
        assert forged.outcome is Outcome.REFUSED, "its maker chooses the date it was created"
        clock.at += timedelta(days=6)
        assert taking.take("1").outcome is Outcome.REFUSED
        clock.at += timedelta(days=1)
        assert taking.take("1").digest == digest
        assert taking.take("old").outcome is Outcome.ARRIVED
        assert old == taking.entry("old").digest


@pytest.mark.parametrize(
    ("age_by", "created", "outcome"),
    [
        ("created", "2026-05-30T12:00:00Z", Outcome.REFUSED),
        ("created", "2020-01-01T00:00:00Z", Outcome.ARRIVED),
        ("created", "", Outcome.REFUSED),
        ("created", "nonsense", Outcome.REFUSED),
        ("first-seen", "2020-01-01T00:00:00Z", Outcome.REFUSED),
    ],
)
def test_what_counts_as_age_is_chosen(
    toxic: Toxic, tmp_path: Path, clock: Hands, age_by: Any, created: str, outcome: Outcome
) -> None:
    toxic.image("1", created=created)
    with taking_from(toxic, tmp_path, clock, min_age=timedelta(days=7), age_by=age_by) as taking:
        assert taking.take("1").outcome is outcome


def test_a_pin_means_its_digest_whatever_the_tag_does(toxic: Toxic, tmp_path: Path, clock: Hands) -> None:
    pinned = toxic.image("1", created="2026-05-30T12:00:00Z")
    with taking_from(toxic, tmp_path, clock, pins={"app:1": pinned}, min_age=timedelta(days=7)) as taking:
        toxic.image("1", layer=b"moved")
        entry = taking.take("1")
        assert (entry.outcome, entry.digest) == (Outcome.ARRIVED, pinned)
        assert taking.shelf.head_manifest(APP, Tag("1")).digest == pinned


def test_what_is_not_on_the_list_is_never_asked_for(toxic: Toxic, tmp_path: Path, clock: Hands) -> None:
    digest = toxic.image("1")
    allowed: dict[str, Any] = {"repositories": Patterns(("app", "team/*")), "tags": Patterns(("1.*",), ("*-rc*",))}
    with taking_from(toxic, tmp_path, clock, **allowed) as taking:
        names: list[tuple[str, Tag | Digest]] = [
            ("hub/other", Tag("1.0")),
            ("hub/team/a/b", Tag("1.0")),
            ("hub/app", Tag("2")),
            ("hub/app", Tag("1.0-rc1")),
            ("hub/app", digest),
        ]
        for name, locator in names:
            with pytest.raises(NotTakenError):
                taking.pulls.begin(Repository(name), locator, who="me")
        assert toxic.seen == []
        assert taking.pulls.begin(Repository("hub/team/a"), Tag("1.0"), who="me") is None


def two_platforms(toxic: Toxic) -> tuple[Digest, Digest, Digest]:
    children = {arch: toxic.image(arch, layer=arch.encode()) for arch in ("amd64", "arm64")}
    entries = [
        descriptor(*toxic.manifests[digest], platform={"os": "linux", "architecture": arch})
        for arch, digest in children.items()
    ]
    raw = json.dumps({"schemaVersion": 2, "mediaType": mt.OCI_INDEX, "manifests": entries}).encode()
    return toxic.put("multi", raw, mt.OCI_INDEX), children["amd64"], children["arm64"]


def test_only_wanted_platforms_are_fetched_and_the_others_are_told_of(
    toxic: Toxic, tmp_path: Path, clock: Hands
) -> None:
    index, amd64, arm64 = two_platforms(toxic)
    with taking_from(toxic, tmp_path, clock, platforms=(Platform.parse("linux/amd64"),)) as taking:
        assert taking.take("multi").digest == index
        assert toxic.asked("GET", Digest.of(b"arm64")) == toxic.asked("GET", arm64) == 0
        taking.admit(amd64)
        taking.admit(index)
        assert taking.pulls.look(APP, amd64, who="me").digest == amd64
        with pytest.raises(NotTakenError, match="is for linux/arm64; images for linux/amd64 only are taken"):
            taking.pulls.look(APP, arm64, who="me")
        assert taking.shelf.head_manifest(APP, index).document == toxic.manifests[index][0]
        with taking.database.read() as connection:
            data = connection.scalar(select(outbox.c.data).where(outbox.c.kind == "intake.image.arrived"))
        assert json.loads(data or b"{}")["left_out"] == ["linux/arm64"]


def test_an_index_that_names_what_is_not_there_is_refused_unless_it_is_not_wanted(
    toxic: Toxic, tmp_path: Path, clock: Hands
) -> None:
    index, _, arm64 = two_platforms(toxic)
    del toxic.manifests[arm64]
    (tmp_path / "some").mkdir()
    with taking_from(toxic, tmp_path, clock) as taking:
        refused(taking, "multi", f"its index names {arm64}, which is not there")
    with taking_from(toxic, tmp_path / "some", clock, platforms=(Platform.parse("amd64"),)) as taking:
        assert taking.take("multi").digest == index


def test_an_index_without_a_wanted_platform_is_refused(toxic: Toxic, tmp_path: Path, clock: Hands) -> None:
    two_platforms(toxic)
    with taking_from(toxic, tmp_path, clock, platforms=(Platform.parse("linux/s390x"),)) as taking:
        refused(taking, "multi", "has no image for linux/s390x")


def test_the_last_admitted_digest_stays_until_the_next_is_admitted(taking: Taking, toxic: Toxic, clock: Hands) -> None:
    first = toxic.image("1")
    taking.take("1")
    taking.admit(first)
    second = toxic.image("1", layer=b"second")
    assert taking.pulls.look(APP, Tag("1"), who="me").standing == "current", "it is fresh"
    clock.at += timedelta(minutes=6)
    assert taking.pulls.begin(APP, Tag("1"), who="me") is None
    taking.run()
    held = taking.pulls.look(APP, Tag("1"), who="me")
    assert (held.digest, held.standing) == (first, f"moved; to={second}; quarantined")
    taking.settle(second, State.ANALYSING, State.ADMITTED)
    followed = taking.pulls.look(APP, Tag("1"), who="me")
    assert (followed.digest, followed.standing) == (second, "current")
    assert taking.shelf.head_manifest(APP, Tag("1")).digest == second


def test_a_look_is_conditional_and_fetches_nothing_twice(taking: Taking, toxic: Toxic, clock: Hands) -> None:
    digest = toxic.image("1")
    taking.take("1")
    fetched = toxic.asked("GET", "")
    toxic.answers["/manifests/1"] = lambda request: reply(
        request, 304 if request.headers.get("If-None-Match") == f'"{digest}"' else 200
    )
    for _ in range(3):
        clock.at += timedelta(minutes=6)
        assert taking.take("1").outcome is Outcome.ARRIVED
    assert toxic.asked("GET", "") == fetched
    assert toxic.asked("HEAD", "/manifests/1") == 4


def test_failures_are_asked_for_later_and_later(taking: Taking, toxic: Toxic, clock: Hands) -> None:
    toxic.answers["/manifests/1"] = lambda request: reply(request, 500)
    pauses = []
    for _ in range(14):
        entry = taking.take("1")
        assert entry.outcome is Outcome.FAILED
        pauses.append((datetime.fromisoformat(entry.again_at) - clock.at).total_seconds())
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 6 * 3600


def test_a_name_that_is_gone_upstream_is_told_apart(taking: Taking, toxic: Toxic, clock: Hands) -> None:
    assert taking.take("never").outcome is Outcome.ABSENT
    with pytest.raises(ManifestUnknownError):
        taking.pulls.look(APP, Tag("never"), who="me")
    digest = toxic.image("1")
    taking.take("1")
    taking.admit(digest)
    toxic.manifests.clear()
    clock.at += timedelta(minutes=6)
    taking.take("1")
    ready = taking.pulls.look(APP, Tag("1"), who="me")
    assert (ready.digest, ready.standing) == (digest, "gone; the upstream has it no more")


def test_a_broken_fetch_goes_on_within_the_blob(taking: Taking, toxic: Toxic, clock: Hands) -> None:
    layer = b"a" * (5 << 20)
    starts: list[int] = []
    digest = toxic.image("1", layer=layer)
    cut = 3 << 20

    def breaks(request: BaseHTTPRequestHandler) -> None:
        start = int((request.headers.get("Range") or "bytes=0-")[6:-1])
        starts.append(start)
        if len(starts) <= 3:
            end = min(len(layer), start + (cut if start == 0 else 0))
            extra = {"Content_Range": f"bytes {start}-{len(layer) - 1}/{len(layer)}"} if start else {}
            reply(request, 206 if start else 200, layer[start:end], Content_Length=str(len(layer) - start), **extra)
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_WR)
            return
        reply(request, 206, layer[start:], Content_Range=f"bytes {start}-{len(layer) - 1}/{len(layer)}")

    toxic.answers[Digest.of(layer)] = breaks
    assert taking.take("1").outcome is Outcome.FAILED
    clock.at += timedelta(hours=1)
    entry = taking.take("1")
    assert (entry.outcome, entry.digest) == (Outcome.ARRIVED, digest)
    assert starts[-1] == cut, "it went on where it stopped"
