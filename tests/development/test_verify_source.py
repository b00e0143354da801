# SPDX-License-Identifier: Apache-2.0
"""Did this image come from that commit? Real repositories, and images that the real buildah built of them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from git_works import Work, needs_programs
from hypothesis import given
from hypothesis import strategies as st

from docker_registry import DockerRegistry
from tidegate.artifact import Digest
from tidegate.cli import main
from tidegate.development.origin.content import ImageFile, compare
from tidegate.development.origin.verdict import (
    KnownProvenance,
    Standing,
    Told,
    judge_label,
    judge_provenance,
    judge_source,
)
from tidegate.evidence import PROVENANCE, Statement, Subject
from tidegate.evidence.predicates.provenance import read_provenance
from tidegate.signing.envelope import sign
from tidegate.signing.keys import SigningKey

BUILDER = "https://ci.example.com/builder"
COMMIT, OTHER = "c" * 40, "d" * 40


def provenance(commit: str, image: Digest) -> Statement:
    material = {"uri": "git+https://host/app@refs/heads/main", "digest": {"gitCommit": commit}}
    said = {
        "buildDefinition": {"buildType": "https://type", "resolvedDependencies": [material]},
        "runDetails": {"builder": {"id": BUILDER}},
    }
    return Statement(subjects=(Subject(name="app", digest=image),), predicate_type=PROVENANCE, predicate=said)


class Built:
    """A repository of two commits, and an image built of the last.

    Args:
        folder: for all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = Work(folder / "work")
        source = self.work.folder / "src"
        source.mkdir()
        (source / "lib.py").write_text("LIB = 1\n")
        (source / "empty.py").write_text("")
        (self.work.folder / "README").write_text("read me\n")
        self.first = self.work.commit("APP", path="src/app.py")
        self.last = self.work.commit("APP, improved", path="src/app.py")
        self.image = self._build("app", "FROM base\nCOPY src /srv/app\nADD generated /srv/generated\n", self.last)
        index = json.loads((folder / "app" / "index.json").read_bytes())
        self.digest = Digest(index["manifests"][0]["digest"])

    def _build(self, name: str, dockerfile: str, revision: str) -> str:
        context = self.folder / "context"
        base = self.folder / "base"
        base.mkdir()
        (base / "etc").mkdir()
        (base / "etc" / "system").write_text("of the base\n")
        (base / "Dockerfile").write_text('FROM scratch\nCOPY etc /etc\nCMD ["/bin/sh"]\n')
        shutil.copytree(self.work.folder, context, ignore=shutil.ignore_patterns(".git"))
        (context / "generated").write_text("made by a build\n")
        (context / "Dockerfile").write_text(dockerfile)
        label = ("--label", f"org.opencontainers.image.revision={revision}")
        # A layer a line, as docker and BuildKit have it.
        self._buildah("bud", "--layers", "--isolation", "chroot", "-t", "base", str(base))
        self._buildah("bud", "--layers", "--isolation", "chroot", "--pull=never", *label, "-t", name, str(context))
        target = f"oci:{self.folder / name}"
        self._buildah("push", name, f"{target}:latest")
        return target

    def _buildah(self, *words: str) -> None:
        where = ("--storage-driver", "vfs", "--root", str(self.folder / "r"), "--runroot", str(self.folder / "rr"))
        done = subprocess.run(["buildah", *where, *words], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"buildah does not work here: {done.stderr.decode(errors='replace')[-200:]}")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    if shutil.which("buildah") is None:
        pytest.skip("install buildah")
    return Built(tmp_path_factory.mktemp("built"))


@pytest.fixture
def ask(built: Built, tmp_path: Path) -> Any:
    def asking(*words: str, folder: Path = built.work.folder, image: str = built.image) -> tuple[int, dict[str, Any]]:
        file = tmp_path / "verdict.json"
        file.unlink(missing_ok=True)
        home = ("--home", str(tmp_path / "home"), "--format", "json", "--output", str(file))
        status = main(["verify", image, "--source", str(folder), *home, *words])
        return status, json.loads(file.read_bytes()) if file.exists() else {}

    return asking


@needs_programs
@pytest.mark.tools
def test_label_and_files_are_claims(built: Built, ask: Any) -> None:
    status, found = ask()
    assert (status, found["standing"], found["commit"]) == (1, "claimed", built.last)
    assert (found["label"]["standing"], found["provenance"]["standing"]) == ("claimed", "unknown")
    content = found["content"]
    assert (content["files"], content["same"]) == (3, 2)
    assert content["unmatched"] == ["srv/generated"]
    assert content["folders"] == ["srv/app = src"]
    assert ask("--accept", "claimed")[0] == 0


@needs_programs
@pytest.mark.tools
def test_provenance_of_somebody_trusted_proves(built: Built, ask: Any, tmp_path: Path) -> None:
    key, stranger = SigningKey.generate(), SigningKey.generate()
    public = tmp_path / "key.pub"
    public.write_bytes(key.verifying.to_pem())
    file = tmp_path / "provenance.json"
    words = ("--key", str(public), "--provenance", str(file))

    def said(commit: str, image: Digest = built.digest, by: SigningKey = key) -> tuple[int, dict[str, Any]]:
        file.write_bytes(sign(provenance(commit, image), by).content)
        asked: tuple[int, dict[str, Any]] = ask(*words)
        return asked

    status, found = said(built.last)
    assert (status, found["standing"]) == (0, "proved")
    assert BUILDER in found["provenance"]["why"]
    assert said(built.first)[1]["provenance"]["standing"] == "contradicted"
    assert said(built.last, by=stranger)[1]["provenance"]["standing"] == "claimed"
    assert said(built.last, Digest.of(b"another"))[1]["provenance"]["standing"] == "unknown"
    file.write_bytes(provenance(built.last, built.digest).to_bytes())
    assert ask(*words)[1]["provenance"]["standing"] == "claimed"
    envelope = json.loads(sign(provenance(built.last, built.digest), key).content)
    bundle = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope}
    file.write_text(json.dumps(bundle | {"verificationMaterial": {"publicKey": {"hint": key.key_id}}}))
    assert ask(*words)[1]["standing"] == "proved"
    envelope["payload"] = envelope["payload"][:-8] + "AAAAAAA="
    file.write_text(json.dumps(envelope))
    assert ask(*words)[1]["provenance"]["standing"] == "unknown"


@needs_programs
@pytest.mark.tools
def test_another_commit_is_told_by_its_files_and_by_the_label(built: Built, ask: Any) -> None:
    status, found = ask("--commit", built.first, "--accept", "claimed")
    assert (status, found["standing"]) == (1, "contradicted")
    assert found["content"]["different"] == ["srv/app/app.py (src/app.py)"]
    assert found["label"]["standing"] == "contradicted"


@needs_programs
@pytest.mark.tools
def test_a_folder_that_was_changed_proves_nothing(built: Built, ask: Any, tmp_path: Path) -> None:
    key = SigningKey.generate()
    (tmp_path / "key.pub").write_bytes(key.verifying.to_pem())
    (tmp_path / "p.json").write_bytes(sign(provenance(built.last, built.digest), key).content)
    asked = ("--key", str(tmp_path / "key.pub"), "--provenance", str(tmp_path / "p.json"))
    new = built.work.folder / "src" / "new.py"
    new.write_text("not committed\n")
    try:
        status, found = ask(*asked)
        assert (status, found["standing"], found["changes"]) == (1, "claimed", ["src/new.py"])
        assert ask(*asked, "--commit", "HEAD")[1]["standing"] == "proved"
    finally:
        new.unlink()


@needs_programs
@pytest.mark.tools
def test_what_is_not_there_is_told(ask: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(folder=tmp_path)[0] == 2
    assert "no git repository" in capsys.readouterr().err
    assert ask("--commit", "nothing")[0] == 2
    assert "no commit is called" in capsys.readouterr().err


@needs_programs
@pytest.mark.tools
def test_provenance_that_was_attested_beside_the_image_proves(
    built: Built, ask: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By tidegate attest, as cosign stores it: nobody hands a file over."""
    image = tmp_path / "image"
    shutil.copytree(built.folder / "app", image)
    key = SigningKey.generate()
    key.save(tmp_path / "key.pem")
    (tmp_path / "key.pub").write_bytes(key.verifying.to_pem())
    predicate = tmp_path / "predicate.json"
    predicate.write_text(json.dumps(provenance(built.last, built.digest).predicate))
    attest = ("--key", str(tmp_path / "key.pem"), "--type", "slsaprovenance1", "--predicate", str(predicate))
    assert main(["attest", f"oci:{image}", *attest]) == 0
    status, found = ask("--key", str(tmp_path / "key.pub"), image=f"oci:{image}")
    assert (status, found["standing"]) == (0, "proved")
    status, found = ask(image=f"oci:{image}")
    assert (status, found["provenance"]["standing"]) == (1, "claimed")
    capsys.readouterr()
    assert main(["verify", f"oci:{image}", "--source", str(built.work.folder), "--key", str(tmp_path / "key.pub")]) == 0
    page = capsys.readouterr().out
    assert f"from {built.last[:12]}: proved" in page
    assert "unmatched   srv/generated" in page


@needs_programs
@pytest.mark.tools
def test_an_image_in_a_registry_is_asked_there(built: Built, ask: Any, tmp_path: Path) -> None:
    """Blobs, label and provenance come from a registry that answers: attested there, read from there."""
    key = SigningKey.generate()
    key.save(tmp_path / "key.pem")
    (tmp_path / "key.pub").write_bytes(key.verifying.to_pem())
    predicate = tmp_path / "predicate.json"
    predicate.write_text(json.dumps(provenance(built.last, built.digest).predicate))
    trusting = ("--key", str(tmp_path / "key.pub"))
    with DockerRegistry(tmp_path / "registry") as registry:
        registry.push(built.folder / "app", "latest", "team/app:1")
        image = f"registry:{registry.host}/team/app:1"
        status, found = ask(*trusting, image=image)
        assert (status, found["image"], found["standing"]) == (1, built.digest, "claimed")
        assert found["content"]["unmatched"] == ["srv/generated"]
        attest = ("--key", str(tmp_path / "key.pem"), "--type", "slsaprovenance1", "--predicate", str(predicate))
        assert main(["attest", image, *attest, "--store", "both"]) == 0
        status, found = ask(*trusting, image=image)
        assert (status, found["standing"]) == (0, "proved")
        assert ask(*trusting, "--commit", built.first, image=image)[1]["standing"] == "contradicted"
    assert ask(*trusting, image=image)[0] == 3, "a registry that is away proves nothing"


def known(commit: str, *signers: str) -> KnownProvenance:
    said = provenance(commit, Digest.of(b"x")).predicate
    return KnownProvenance(provenance=read_provenance(PROVENANCE, said, where="x"), signers=signers)


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        ([], Standing.UNKNOWN),
        ([known(COMMIT)], Standing.CLAIMED),
        ([known(OTHER)], Standing.UNKNOWN),
        ([known(COMMIT, "k")], Standing.PROVED),
        ([known(OTHER, "k")], Standing.CONTRADICTED),
        ([known(OTHER), known(COMMIT, "k")], Standing.PROVED),
        ([known(COMMIT), known(OTHER, "k")], Standing.CONTRADICTED),
    ],
)
def test_what_provenance_says(found: list[KnownProvenance], standing: Standing) -> None:
    assert judge_provenance(found, COMMIT).standing is standing


@pytest.mark.parametrize(
    ("revision", "standing"),
    [
        ("", Standing.UNKNOWN),
        (COMMIT, Standing.CLAIMED),
        (COMMIT.upper(), Standing.CLAIMED),
        (COMMIT[:7], Standing.CLAIMED),
        (COMMIT[:6], Standing.CONTRADICTED),
        (OTHER, Standing.CONTRADICTED),
        ("v1.2", Standing.CONTRADICTED),
    ],
)
def test_what_a_label_says(revision: str, standing: Standing) -> None:
    assert judge_label(revision, COMMIT).standing is standing


STANDINGS = st.sampled_from(Standing)
UNPROVED = st.sampled_from([Standing.CLAIMED, Standing.UNKNOWN, Standing.CONTRADICTED])


@pytest.mark.property
@given(STANDINGS, UNPROVED, UNPROVED, st.booleans())
def test_one_that_contradicts_outweighs_all(proof: Standing, label: Standing, files: Standing, changed: bool) -> None:
    told = [Told(standing=it, why="") for it in (proof, label, files)]
    found = judge_source(
        image="i", commit=COMMIT, repository="", provenance=told[0], label=told[1], files=told[2],
        changes=["x"] if changed else [],
    )  # fmt: skip
    said = {proof, label, files}
    assert (found.standing is Standing.CONTRADICTED) == (Standing.CONTRADICTED in said)
    assert (found.standing is Standing.PROVED) == (
        proof is Standing.PROVED and not changed and Standing.CONTRADICTED not in said
    )
    assert (found.standing is Standing.UNKNOWN) == (said == {Standing.UNKNOWN})


TREES = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "src", "x.py"]), min_size=1, max_size=3).map("/".join),
    st.sampled_from([b"1" * 32, b"2" * 32, b"3" * 32]),
    max_size=6,
)


@pytest.mark.property
@given(TREES, st.sampled_from(["", "srv/app/"]))
def test_a_copy_of_a_whole_tree_is_the_same_wherever_it_lies(tree: dict[str, bytes], prefix: str) -> None:
    files = [ImageFile(prefix + path, 5, digest) for path, digest in tree.items()]
    found = compare(files, tree)
    assert (found.same, found.different_count, found.unmatched_count) == (len(tree), 0, 0)
    assert found.files == len(tree)


@pytest.mark.property
@given(TREES, TREES)
def test_each_file_is_counted_once(image: dict[str, bytes], tree: dict[str, bytes]) -> None:
    files = [ImageFile(path, 5, digest) for path, digest in image.items()]
    found = compare([*files, ImageFile("empty", 0, b"4" * 32)], tree)
    assert found.files == len(image) == found.same + found.different_count + found.unmatched_count
    assert found.same == sum(digest in tree.values() for digest in image.values())


def test_a_file_that_is_other_than_in_the_commit_is_told_by_both_its_names() -> None:
    one, two, three = b"1" * 32, b"2" * 32, b"3" * 32
    files = [ImageFile("app/a.py", 1, one), ImageFile("app/b.py", 1, three), ImageFile("app/c.py", 1, three)]
    found = compare(files, {"src/a.py": one, "src/b.py": two, "c.py": two})
    assert found.different == ("app/b.py (src/b.py)",)
    assert found.unmatched == ("app/c.py",)
    alone = compare([ImageFile("app/src/b.py", 1, three)], {"src/b.py": None})
    assert alone.different == ("app/src/b.py (src/b.py)",)
