# SPDX-License-Identifier: Apache-2.0
"""Images as checks see them: histories of every builder, answers that are kept, and real images judged with sense."""

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tidegate.artifact import Digest
from tidegate.artifact.build_instruction import build_instruction
from tidegate.artifact.image_config import HistoryEntry, parse_image_config
from tidegate.checks.image import image_material
from tidegate.checks.kept import check_image
from tidegate.inventory import Census, Inventory
from tidegate.values import replace


def _inventory(config: dict[str, Any], history: tuple[str, ...] = (), census: Census | None = None) -> Inventory:
    document = {"os": "linux", "config": config, "history": [{"created_by": one} for one in history]}
    return Inventory(
        digest=Digest("sha256:" + "0" * 64),
        name="sample",
        layers=(),
        components=(),
        config=parse_image_config(json.dumps(document).encode()),
        census=census,
    )


@pytest.mark.parametrize(
    ("told", "keyword", "text"),
    [
        # Docker's classic builder
        ('/bin/sh -c #(nop)  CMD ["bash"]', "CMD", '["bash"]'),
        ("/bin/sh -c #(nop) ADD file:00 in / ", "ADD", "file:00 in /"),
        ("/bin/sh -c apt-get update", "RUN", "apt-get update"),
        ("|2 A=b C=d e /bin/sh -c make", "RUN", "make"),
        ("/bin/bash -o pipefail -c make | tee x", "RUN", "make | tee x"),
        ('cmd /S /C #(nop)  CMD ["cmd"]', "CMD", '["cmd"]'),
        ("cmd /S /C dir", "RUN", "dir"),
        # BuildKit
        ("RUN /bin/sh -c make # buildkit", "RUN", "make"),
        ("RUN |1 A=b /bin/bash -euo pipefail -c make # buildkit", "RUN", "make"),
        ("COPY /a /b # buildkit", "COPY", "/a /b"),
        ('CMD ["/app"]', "CMD", '["/app"]'),
        ("WORKDIR /app", "WORKDIR", "/app"),
        # Buildah, Kaniko, debuerreotype, and what is none of them
        ("/bin/sh -c #(nop) USER app", "USER", "app"),
        ("|1 API_TOKEN=abc /bin/sh -c chmod 777 /app", "RUN", "chmod 777 /app"),
        ("RUN apk add curl", "RUN", "apk add curl"),
        (
            "# debian.sh --arch 'amd64' out/ 'bookworm' '@1' # buildkit",
            "RUN",
            "# debian.sh --arch 'amd64' out/ 'bookworm' '@1'",
        ),
        ("jib-maven-plugin:3.4", "RUN", "jib-maven-plugin:3.4"),
        ("", "RUN", ""),
    ],
)
def test_every_builder_tells_its_steps(told: str, keyword: str, text: str) -> None:
    read = build_instruction(HistoryEntry(created_by=told))
    assert (read.keyword or "RUN", read.rest) == (keyword, text)


def test_an_answer_is_kept_until_anything_it_depends_on_changes(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    inventory = _inventory({"User": "app"}, ("RUN chmod 777 /x",), Census(shells=("bin/sh",)))
    first = check_image(inventory, folder=folder)
    (kept,) = folder.iterdir()
    assert first == check_image(inventory)
    written = kept.stat().st_mtime_ns
    assert check_image(inventory, folder=folder) == first
    assert kept.stat().st_mtime_ns == written
    kept.write_bytes(b"broken")
    assert check_image(inventory, folder=folder) == first
    others = [
        _inventory({"User": "1"}, ("RUN chmod 777 /x",), Census(shells=("bin/sh",))),
        _inventory({"User": "app"}, ("RUN chmod 755 /x",), Census(shells=("bin/sh",))),
        _inventory({"User": "app"}, ("RUN chmod 777 /x",), Census()),
        replace(inventory, annotations={"org.opencontainers.image.base.name": "debian"}),
    ]
    assert all(check_image(one, folder=folder) != first for one in others)
    assert len(list(folder.iterdir())) == 5


def test_what_cannot_be_kept_is_found_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    inventory = _inventory({})
    assert check_image(inventory, folder=tmp_path / "file") == check_image(inventory)


def test_files_without_an_image_around_them_are_not_checked() -> None:
    inventory = replace(_inventory({}), config=None)
    assert (check_image(inventory), image_material(inventory)) == ((), None)


@pytest.mark.tools
@pytest.mark.shared_data
def test_a_real_image_of_buildah(shared_data: Path, tmp_path: Path) -> None:
    buildah = shutil.which("buildah")
    if buildah is None:
        pytest.skip("install buildah")
    from tidegate.assembly.scanner import build_scanner
    from tidegate.oci.open import open_target
    from tidegate.oci.target import parse_target
    from tidegate.settings.load import load

    context = tmp_path / "context"
    context.mkdir()
    shutil.copy(shared_data / "images" / "alpine-minirootfs-3.20.3-x86_64.tar.gz", context / "root.tar.gz")
    (context / "Dockerfile").write_text(
        "FROM scratch\nADD root.tar.gz /\nARG API_TOKEN\nENV APP_PASSWORD=hunter22 PATH=/usr/bin:/bin\nEXPOSE 22 8080\n"
        'RUN mkdir /app && chmod 777 /app\nCOPY Dockerfile /app/\nUSER app\nCMD ["/bin/sh"]\n'
    )
    where = ["--storage-driver", "vfs", "--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]
    build = ["bud", "--isolation", "chroot", "--build-arg", "API_TOKEN=abc123", "-t", "t:1", str(context)]
    for words in (build, ["push", "t:1", f"oci:{tmp_path}/image:t"]):
        done = subprocess.run([buildah, *where, *words], capture_output=True, check=False)
        if done.returncode:
            pytest.skip(f"buildah does not work here: {done.stderr.decode(errors='replace')[-200:]}")
    settings = load({"home": tmp_path / "home"}, config=None)
    with open_target(parse_target(f"oci:{tmp_path}/image:t")) as source:
        found = check_image(build_scanner(settings)(source))
    assert Counter(one.id for one in found) == Counter(
        [
            "TG-IMG-002",  # a user by name
            "TG-IMG-003",  # OCI has no health checks
            "TG-IMG-006",  # EXPOSE 22
            "TG-IMG-010",  # ENV APP_PASSWORD
            "TG-IMG-016",  # /app
            "TG-IMG-017",  # busybox
            "TG-IMG-018",  # apk
            "TG-IMG-022",  # chmod 777
            "TG-IMG-027",  # no source
            "TG-IMG-029",  # API_TOKEN
        ]
    )
