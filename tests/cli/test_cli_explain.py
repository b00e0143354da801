# SPDX-License-Identifier: Apache-2.0
"""`tidegate explain`: a path that is there, one that was, one that never was, and the whole image."""

import hashlib
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cli_run import Run

from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image

SITE = "usr/lib/python3/site-packages"
MADE = b"def flow():\n    return 1\n"


@pytest.fixture
def owned(tmp_path: Path) -> Path:
    """A package whose file was changed and whose other file was deleted, and a program nobody knows."""
    stated = urlsafe_b64encode(hashlib.sha256(MADE).digest()).decode().rstrip("=")
    info = f"{SITE}/brook-1.2.dist-info"
    package = (
        LayerBuilder()
        .file("etc/os-release", 'ID=debian\nVERSION_ID="12"\n')
        .file(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: brook\nVersion: 1.2\nAuthor: The \x1b[2JMill\nLicense: MIT\n",
        )
        .file(f"{info}/RECORD", f"brook.py,sha256={stated},25\ngone.py,sha256={stated},25\n")
        .file(f"{SITE}/brook.py", MADE)
        .file(f"{SITE}/gone.py", MADE)
    )
    changed = (
        LayerBuilder()
        .file(f"{SITE}/brook.py", "import os\n")
        .whiteout(f"{SITE}/gone.py")
        .file("usr/bin/odd\x1b[31m", b"\x7fELF" + bytes(60), mode=0o4755)
        .symlink("brook.py", f"/{SITE}/brook.py")
    )
    layout = tmp_path / "owned"
    write_image(layout, "latest", [package.build(), changed.build()], {})
    return layout


def test_a_file_is_explained_for_people(run: Run, owned: Path, knowledge: Path) -> None:
    del knowledge
    ran = run("explain", f"oci:{owned}", "/brook.py")
    assert ran.status == 0
    assert "\x1b" not in ran.out
    for text in (
        f"{SITE}/brook.py\n",
        f"brook.py → /{SITE}/brook.py",
        "layer 2 of 2",
        "upstream",
        "brook 1.2",
        "pkg:pypi/brook@1.2",
        "The",
        "MIT",
        "modified",
        f"sha256 stated  {hashlib.sha256(MADE).hexdigest()}",
        f"sha256 has     {hashlib.sha256(b'import os' + bytes([10])).hexdigest()}",
        "1 of 2  brought",
        "2 of 2  replaced",
        "FINDINGS  2",
        "PYSEC-2025-1",
    ):
        assert text in ran.out, text


def test_the_same_for_a_program(run: Run, owned: Path) -> None:
    ran = run("explain", f"oci:{owned}", f"{SITE}/brook.py", "--format", "json")
    assert ran.status == 0
    told = ran.json["explanation"]
    assert told["path"] == f"{SITE}/brook.py"
    assert told["file"]["integrity"] == "modified"
    assert told["file"]["origin"] == "upstream"
    assert told["package"]["purl"] == "pkg:pypi/brook@1.2"
    assert [event["deed"] for event in told["events"]] == ["brought", "replaced"]
    assert told["events"][1]["layer"]["number"] == 2
    assert told["stated"] == hashlib.sha256(MADE).hexdigest()
    assert ran.json["findings"] == ran.json["secrets"] == []


def test_of_a_deleted_file_it_is_told_who_deleted_it(run: Run, owned: Path) -> None:
    ran = run("explain", f"oci:{owned}", f"{SITE}/gone.py")
    assert ran.status == 0
    assert "not there: deleted by layer 2" in ran.out
    assert "1 of 2  brought" in ran.out
    assert "2 of 2  deleted" in ran.out


def test_what_never_was_is_an_error_that_names_what_may_be_meant(run: Run, owned: Path) -> None:
    ran = run("explain", f"oci:{owned}", "/usr/lib/python3/site-packages/brok.py")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.endswith(f"no such path in the image; there is {SITE}/brook.py\n")
    elsewhere = run("explain", f"oci:{owned}", "/METADATA")
    assert elsewhere.status == 2
    assert f"there is {SITE}/brook-1.2.dist-info/METADATA" in elsewhere.err


def test_the_whole_image_is_told_in_shares_and_names(run: Run, owned: Path) -> None:
    ran = run("explain", f"oci:{owned}")
    assert ran.status == 0
    assert "\x1b" not in ran.out
    lines = {line.split()[0]: line.split()[1:] for line in ran.out.splitlines() if line and line[0] != " "}
    assert lines["upstream"][0] == "3"
    assert lines["unexplained"][0] == "2"
    assert lines["MODIFIED"] == lines["MISSING"] == lines["UNEXPLAINED"] == ["1"]
    told = run("explain", f"oci:{owned}", "--format", "json").json
    assert [file["path"] for file in told["custody"]["missing"]] == [f"{SITE}/gone.py"]
    assert told["custody"]["unexplained"][0]["nature"] == "program"
    assert told["census"]["setuid"] == ["usr/bin/odd\x1b[31m"]


def test_a_root_file_system_is_explained_too(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/odd").write_bytes(b"\x7fELF" + bytes(60))
    (root / "usr/bin/odd").chmod(0o755)
    ran = run("explain", f"rootfs:{root}", "usr/bin/odd", "--format", "json")
    assert ran.status == 0
    assert ran.json["explanation"]["file"]["origin"] == "unexplained"
    folder = run("explain", f"rootfs:{root}", "usr/bin")
    assert folder.status == 0
    assert "folder" in folder.out


def test_a_bill_of_materials_has_no_files(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    path.write_text("{}")
    ran = run("explain", f"sbom:{path}", "etc")
    assert (ran.status, ran.out) == (2, "")
    assert "has no files to explain" in ran.err
