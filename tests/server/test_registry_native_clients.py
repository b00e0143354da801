# SPDX-License-Identifier: Apache-2.0
"""skopeo, podman and buildah against the served registry."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from access_material import TOKEN, add_robot, give
from live_registry import LiveRegistry
from oci_material import image, index, tar_of, write_layout

from tidegate.artifact import Digest
from tidegate.curation.states import State
from tidegate.events import EventKind
from tidegate.identity import audit
from tidegate.identity.recon import ReconOptions
from tidegate.storage.outbox import read_after

pytestmark = pytest.mark.tools

Run = Callable[..., subprocess.CompletedProcess[str]]


def _need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is missing: apt-get install {program}")


@pytest.fixture
def skopeo(tmp_path: Path) -> Run:
    _need("skopeo")
    policy = tmp_path / "policy.json"
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')

    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["skopeo", "--policy", str(policy), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def test_skopeo_copies_in_and_out(live: LiveRegistry, skopeo: Run, tmp_path: Path) -> None:
    made = image()
    source = write_layout(tmp_path / "in", made, "v1")
    target = f"docker://{live.host}/team/app:v1"
    skopeo("copy", f"oci:{source}:v1", target, "--dest-tls-verify=false")

    refused = skopeo("copy", target, f"oci:{tmp_path / 'no'}:v1", "--src-tls-verify=false", check=False)
    assert refused.returncode != 0
    assert "quarantined: it waits for its examination" in refused.stderr
    assert f"tidegate passport {made.digest}" in refused.stderr

    live.admit(made.digest)
    skopeo("copy", target, f"oci:{tmp_path / 'out'}:v1", "--src-tls-verify=false")
    for data in (*made.blobs, made.raw):
        assert (tmp_path / "out" / "blobs" / "sha256" / Digest.of(data).hex).read_bytes() == data
    seen = json.loads(skopeo("inspect", target, "--tls-verify=false").stdout)
    assert seen["Digest"] == made.digest


def test_the_reasons_of_a_rejection_reach_the_person(live: LiveRegistry, skopeo: Run, tmp_path: Path) -> None:
    made = image()
    target = f"docker://{live.host}/team/app:v1"
    skopeo("copy", f"oci:{write_layout(tmp_path / 'in', made, 'v1')}:v1", target, "--dest-tls-verify=false")
    live.settle(made.digest, State.ANALYSING, State.REJECTED, why="CVE-2021-44228 in log4j-core (exploited)")

    refused = skopeo("inspect", target, "--tls-verify=false", check=False)
    assert "rejected: CVE-2021-44228 in log4j-core (exploited)" in refused.stderr


def test_a_refused_tag_takes_a_better_image(live: LiveRegistry, skopeo: Run, tmp_path: Path) -> None:
    bad, good = image("bad"), image("good")
    target = f"docker://{live.host}/team/app:v1"
    skopeo("copy", f"oci:{write_layout(tmp_path / 'bad', bad, 'v1')}:v1", target, "--dest-tls-verify=false")
    live.settle(bad.digest, State.ANALYSING, State.REJECTED)
    skopeo("copy", f"oci:{write_layout(tmp_path / 'good', good, 'v1')}:v1", target, "--dest-tls-verify=false")
    live.admit(good.digest)
    assert json.loads(skopeo("inspect", target, "--tls-verify=false").stdout)["Digest"] == good.digest


def test_skopeo_lists_and_deletes(live: LiveRegistry, skopeo: Run, tmp_path: Path) -> None:
    made = image()
    source = write_layout(tmp_path / "in", made, "v1")
    for tag in ("v2", "v1"):
        skopeo("copy", f"oci:{source}:v1", f"docker://{live.host}/a/b/c:{tag}", "--dest-tls-verify=false")
    listed = json.loads(skopeo("list-tags", f"docker://{live.host}/a/b/c", "--tls-verify=false").stdout)
    assert listed["Tags"] == ["v1", "v2"]

    live.admit(made.digest)
    skopeo("delete", f"docker://{live.host}/a/b/c:v1", "--tls-verify=false")
    gone = skopeo("inspect", f"docker://{live.host}/a/b/c:v2", "--tls-verify=false", check=False)
    assert "manifest unknown" in gone.stderr.lower() or "no such manifest" in gone.stderr


def test_an_index_goes_through_whole(live: LiveRegistry, skopeo: Run, tmp_path: Path) -> None:
    children = image("amd"), image("arm")
    made = index(*children)
    folder = write_layout(tmp_path / "in", made, "multi")
    for child in children:
        for data in (*child.blobs, child.raw):
            (folder / "blobs" / "sha256" / Digest.of(data).hex).write_bytes(data)
    target = f"docker://{live.host}/multi:v1"
    skopeo("copy", "--all", f"oci:{folder}:multi", target, "--dest-tls-verify=false")
    for child in children:
        live.admit(child.digest)
    early = skopeo("copy", "--all", target, f"oci:{tmp_path / 'no'}:v1", "--src-tls-verify=false", check=False)
    assert early.returncode != 0
    live.admit(made.digest)
    skopeo("copy", "--all", target, f"oci:{tmp_path / 'out'}:v1", "--src-tls-verify=false")
    assert (tmp_path / "out" / "blobs" / "sha256" / made.digest.hex).read_bytes() == made.raw


def test_a_token_is_asked_for(start_registry: Callable[..., LiveRegistry], skopeo: Run, tmp_path: Path) -> None:
    source = write_layout(tmp_path / "in", image(), "v1")
    token = "correct-horse-battery-staple"
    with start_registry(token=token) as live:
        target = f"docker://{live.host}/app:v1"
        without = skopeo("copy", f"oci:{source}:v1", target, "--dest-tls-verify=false", check=False)
        assert "unauthorized" in without.stderr.lower()
        skopeo("copy", f"oci:{source}:v1", target, "--dest-tls-verify=false", "--dest-creds", f"ann:{token}")
        with live.database.read() as connection:
            pushers = list(connection.exec_driver_sql("SELECT pushed_by FROM repository_manifest").scalars())
    assert pushers == ["ann"]


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Run]:
    """Runs podman or buildah with a storage and a configuration of its own."""
    _need("podman")
    _need("buildah")
    settings = tmp_path / "containers.conf"
    settings.write_text(
        '[containers]\ndefault_ulimits = ["nofile=4096:4096","nproc=4096:4096"]\n'
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
    )
    policy = tmp_path / "policy.json"
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    (tmp_path / "auth.json").write_text("{}")
    environment = {**os.environ, "CONTAINERS_CONF": str(settings), "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    short = Path(tempfile.mkdtemp(prefix="tg-"))  # podman takes no long --runroot
    storage = ("--root", str(short / "root"), "--runroot", str(short / "run"), "--storage-driver", "vfs")

    def run(program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [program, *storage, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
        if done.returncode and "newuidmap" in done.stderr:
            pytest.skip("podman needs root or subordinate ids here: see subuid(5)")
        assert not check or done.returncode == 0, done.stderr
        return done

    yield run
    run("podman", "rmi", "--all", "--force", check=False)
    shutil.rmtree(short, ignore_errors=True)


def _rootfs(folder: Path) -> Path:
    file = folder / "rootfs.tar"
    file.write_bytes(tar_of({"etc/os-release": b"ID=tiny\n", "bin/tool": b"#!tool\n"}))
    return file


def test_podman_pushes_and_pulls(live: LiveRegistry, containers: Run, tmp_path: Path) -> None:
    name = f"{live.host}/team/tiny:1"
    containers("podman", "import", str(_rootfs(tmp_path)), name)
    pushed = tmp_path / "digest"
    containers("podman", "push", "--tls-verify=false", "--digestfile", str(pushed), name)
    containers("podman", "rmi", name)

    refused = containers("podman", "pull", "--tls-verify=false", name, check=False)
    assert refused.returncode != 0
    assert "quarantined" in refused.stderr

    live.admit(pushed.read_text().strip())
    containers("podman", "pull", "--tls-verify=false", name)
    assert name in containers("podman", "images", "--format", "{{.Repository}}:{{.Tag}}").stdout


def test_buildah_pushes_and_pulls(live: LiveRegistry, containers: Run, tmp_path: Path) -> None:
    name = f"{live.host}/team/built:1"
    working = containers("buildah", "from", "scratch").stdout.strip()
    containers("buildah", "add", working, str(_rootfs(tmp_path)), "/")
    containers("buildah", "commit", working, name)
    pushed = tmp_path / "digest"
    containers("buildah", "push", "--tls-verify=false", "--digestfile", str(pushed), name)
    containers("buildah", "rm", working)
    containers("buildah", "rmi", name)
    live.admit(pushed.read_text().strip())
    containers("buildah", "pull", "--tls-verify=false", name)


def test_skopeo_works_with_what_was_granted(
    start_registry: Callable[..., LiveRegistry], skopeo: Run, tmp_path: Path
) -> None:
    source = write_layout(tmp_path / "in", image(), "v1")
    with start_registry(token=TOKEN) as live:
        name, secret = add_robot(live, "ci")
        give(live, name, "team-a/**", "pull", "push")
        login = ("--authfile", str(tmp_path / "auth.json"))
        skopeo("login", live.host, "--tls-verify=false", "-u", name, "-p", secret, *login)
        for repository in ("team-a/app", "team-a/other"):  # the second one mounts
            target = f"docker://{live.host}/{repository}:v1"
            skopeo("copy", f"oci:{source}:v1", target, "--dest-tls-verify=false", *login)
        live.admit(image().digest)
        skopeo("copy", target, f"oci:{tmp_path / 'out'}:v1", "--src-tls-verify=false", *login)
        elsewhere = f"docker://{live.host}/team-b/app:v1"
        refused = skopeo("copy", f"oci:{source}:v1", elsewhere, "--dest-tls-verify=false", *login, check=False)
        assert "403 (Forbidden)" in refused.stderr
        wrong = skopeo("login", live.host, "--tls-verify=false", "-u", name, "-p", "wrong", *login, check=False)
        assert wrong.returncode != 0


def test_podman_logs_in_works_and_is_taken_for_nobody_else(
    start_registry: Callable[..., LiveRegistry], containers: Run, tmp_path: Path
) -> None:
    # As tight as the watch on looking around may be set.
    with start_registry(token=TOKEN, recon=ReconOptions(score=5, attempts=1)) as live:
        name, secret = add_robot(live, "ci")
        give(live, name, "team/**", "pull", "push")
        image_name = f"{live.host}/team/tiny:1"
        containers("podman", "import", str(_rootfs(tmp_path)), image_name)
        early = containers("podman", "push", "--tls-verify=false", image_name, check=False)
        assert early.returncode != 0
        containers("podman", "login", "--tls-verify=false", "-u", name, "-p", secret, live.host)
        pushed = tmp_path / "digest"
        containers("podman", "push", "--tls-verify=false", "--digestfile", str(pushed), image_name)
        live.admit(pushed.read_text())
        containers("podman", "rmi", image_name)
        containers("podman", "pull", "--tls-verify=false", image_name)
        elsewhere = f"{live.host}/other/tiny:1"
        containers("podman", "tag", image_name, elsewhere)
        assert containers("podman", "push", "--tls-verify=false", elsewhere, check=False).returncode != 0
        live.audit.flush()
        with live.database.read() as connection:
            told = [event.kind for _, event in read_after(connection, 0, 1000)]
            entries = audit.find(connection, who=name, repository="team/tiny", verb="pull")
    assert EventKind.RECON_DETECTED not in told
    assert f"1@{pushed.read_text()}" in {record.entry.target for record in entries}
