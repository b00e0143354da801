# SPDX-License-Identifier: Apache-2.0
"""What is heard of pods, by a list and a watch recorded from a real API server: whole, cut anywhere, and forgotten."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from urllib.parse import parse_qs, urlsplit

import pytest

from scripted_api_server import Said, Script, scripted_api_server
from tidegate.cluster.contained import containers_of
from tidegate.cluster.known import Known
from tidegate.cluster.pod import read_pod
from tidegate.cluster.watching import Watching
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.execution.observation import Act, Observation
from tidegate.execution.report import Owner, PodContainer
from tidegate.kubernetes.client import find_api_server, open_http
from tidegate.kubernetes.failures import ExpiredError

RECORDED = Path(__file__).parent / "recorded"
LIST = (RECORDED / "list.json").read_bytes()
LINES = (RECORDED / "watch.jsonl").read_bytes().splitlines(keepends=True)
DIGEST = "sha256:" + "5" * 64
FIRST, SECOND = "a" * 64, "b" * 64


class Heard:
    """An API server that plays the recording, and whoever hears it."""

    def __init__(self, http: object, folder: Path) -> None:
        self.told: list[Observation] = []
        self.known = Known(folder / "known.db")
        self.news = Flag()
        self.watching = Watching(http, self.known, news=self.news, tell=self.told.append)  # type: ignore[arg-type]

    def runs(self) -> dict[str, PodContainer]:
        """All that was heard, by id."""
        return {one.container.id: one for one in self.known.news().changed}


@contextmanager
def hearing(folder: Path, script: Script) -> Iterator[Heard]:
    with scripted_api_server(folder, script) as config, open_http(find_api_server(config)) as http:
        heard = Heard(http, folder)
        yield heard
        heard.known.close()


def plays(*, cut: int | None = None, gone: bool = False) -> Script:
    """Says the recording; `cut`: the first watch breaks within that line; `gone`: its version is forgotten."""
    first = True

    def script(_: str, path: str) -> Said:
        nonlocal first
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        if parts.path.startswith("/apis/apps/v1/namespaces/default/replicasets/web-"):
            return Said(pieces=[(RECORDED / "replicaset.json").read_bytes()])
        assert parts.path == "/api/v1/pods"
        if "watch" not in query:
            return Said(pieces=[LIST])
        is_first, first = first, False
        if gone and is_first:
            status = {"kind": "Status", "code": 410, "message": "too old resource version: 1 (2)"}
            return Said(pieces=[json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"])
        left = [line for line in LINES if version(line) > int(query["resourceVersion"][0])]
        if cut is not None and is_first:
            return Said(pieces=[*left[:cut], left[cut][:100]], whole=False)
        return Said(pieces=left)

    return script


def version(line: bytes) -> int:
    return int(json.loads(line)["object"]["metadata"]["resourceVersion"])


def expect(runs: dict[str, PodContainer]) -> None:
    """What was recorded: a container that was started anew, and a pod that came and went."""
    first, second = runs[FIRST], runs[SECOND]
    assert (first.ended, first.ended_at, first.container.digest) == (True, "2026-11-30T12:04:00Z", DIGEST)
    assert (second.ended, second.container.started_at) == (False, "2026-11-30T12:05:00Z")
    assert (second.container.digest, second.pinned) == (DIGEST, DIGEST)
    assert second.owner == Owner(kind="Deployment", name="web")
    assert second.labels["app"] == "web"
    assert second.container.starter == "kube-controller-manager"
    (bare,) = (one for name, one in runs.items() if name not in {FIRST, SECOND})
    assert (bare.container.pod, bare.container.starter, bare.ended) == ("bare", "kubectl-run", True)
    assert bare.owner == Owner(kind="Pod", name="bare")


def test_a_recorded_stream_is_what_was_done(tmp_path: Path) -> None:
    with hearing(tmp_path, plays()) as heard:
        heard.watching.hear()
        expect(heard.runs())
        assert heard.news.is_set()
        news = heard.known.news()
        assert (news.running, news.is_all) == (1, True)
        heard.known.told(news.changed)
        heard.news.clear()
        heard.watching.hear()  # nothing new: the stream goes on where it was
        assert (heard.known.news().changed, heard.news.is_set()) == ((), False)


@pytest.mark.parametrize("cut", range(len(LINES)))
def test_a_stream_that_breaks_anywhere_goes_on_there(tmp_path: Path, cut: int) -> None:
    with hearing(tmp_path, plays(cut=cut)) as heard:
        with pytest.raises(OutsideError):
            heard.watching.hear()
        heard.known.close()  # and whoever heard it is killed
        again = Heard(heard.watching._http, tmp_path)
        again.watching.hear()
        expect(again.runs())
        again.known.close()


def test_a_version_that_is_forgotten_is_listed_anew_and_what_is_gone_has_ended(tmp_path: Path) -> None:
    with hearing(tmp_path, plays(gone=True)) as heard:
        ghost = read_pod(json.dumps(json.loads(LIST)["items"][0]).encode().replace(b"aaaaaaaa", b"cccccccc"))
        heard.known.put([("ghost", list(containers_of(ghost, Owner())))], at="2026-11-30T12:00:00Z", version="1")
        with pytest.raises(ExpiredError):
            heard.watching.hear()
        heard.known.move_to("")
        heard.watching.hear()
        runs = heard.runs()
        assert runs["c" * 64].ended
        del runs["c" * 64]
        expect(runs)


def test_a_pod_that_cannot_be_read_hides_no_other_and_is_told(tmp_path: Path) -> None:
    broken = json.loads(LINES[0])
    broken["object"]["spec"] = []
    lines = [json.dumps(broken).encode() + b"\n", *LINES]
    plain = plays()

    def script(method: str, path: str) -> Said:
        return Said(pieces=lines) if "watch=true" in path else plain(method, path)

    with hearing(tmp_path, script) as heard:
        heard.watching.hear()
        expect(heard.runs())
        assert [one.act for one in heard.told] == [Act.LOST]


def test_what_stands_between_and_may_not_be_read_is_itself_the_owner(tmp_path: Path) -> None:
    plain = plays()

    def script(method: str, path: str) -> Said:
        if "replicasets" in path:
            return Said(pieces=[b'{"kind":"Status","code":403}'], status=403)
        return plain(method, path)

    with hearing(tmp_path, script) as heard:
        heard.watching.hear()
        assert heard.runs()[SECOND].owner.kind == "ReplicaSet"


def read_runs(page: bytes) -> Sequence[PodContainer]:
    pod = read_pod(json.dumps(json.loads(page)["items"][0]).encode())
    return list(containers_of(pod, Owner()))


@pytest.mark.parametrize(
    ("image_id", "digest", "config"),
    [
        (f"registry.example/app@{DIGEST}", DIGEST, ""),
        (f"docker-pullable://registry.example/app@{DIGEST}", DIGEST, ""),
        (DIGEST, "", DIGEST),
        (f"docker://{DIGEST}", "", DIGEST),
        ("registry.example/app:1", "", ""),
        ("x@sha256:12", "", ""),
        ("", "", ""),
    ],
)
def test_what_a_node_says_of_an_image_is_its_manifest_or_its_configuration(
    image_id: str, digest: str, config: str
) -> None:
    document = json.loads(LIST)
    document["items"][0]["status"]["containerStatuses"][0]["imageID"] = image_id
    (run,) = read_runs(json.dumps(document).encode())
    assert (run.container.digest, run.container.config) == (digest, config)


def test_without_an_id_of_the_runtime_each_run_has_one_of_its_own() -> None:
    document = json.loads(LIST)
    status = document["items"][0]["status"]["containerStatuses"][0]
    del status["containerID"]
    ids = set()
    for count in (0, 1, 1):
        status["restartCount"] = count
        ids.add(read_runs(json.dumps(document).encode())[0].container.id)
    assert len(ids) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b'{"metadata":{}}', b'{"metadata":{"name":1,"uid":"x"}}', b"{" * 5000])
def test_what_is_no_pod_says_so(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_pod(body)
