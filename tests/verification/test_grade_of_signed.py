# SPDX-License-Identifier: Apache-2.0
"""What a grade says of a signature: none, seen, by whom, or by nobody who is trusted."""

import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from verification_run import KeyFiles, Run

from tidegate.knowledge.build import build

TRUST = """apiVersion: tidegate.dev/v1
kind: TrustPolicy
metadata: {name: company}
spec:
  authorities: [{name: release, keys: [release.pub]}]
  requirements: [{name: released, by: [release]}]
"""


def test_the_grade_tells_whose_signature_it_is(
    run: Run, image: str, tmp_path: Path, make_keys: Callable[..., KeyFiles]
) -> None:
    (tmp_path / "osv" / "PyPI").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "osv" / "PyPI" / "all.zip", "w") as archive:
        archive.writestr("empty.json", "{")
    (tmp_path / "osv" / "ecosystems.txt").write_text("PyPI\n")
    build(tmp_path / "osv", tmp_path / "knowledge.db", made_at=datetime(2026, 1, 2, tzinfo=UTC))
    ours, other = make_keys(), make_keys()
    (tmp_path / "release.pub").write_bytes(ours.public.read_bytes())
    (tmp_path / "trust.yaml").write_text(TRUST)

    def graded(*more: object) -> str:
        done = run("grade", image, "--db", tmp_path / "knowledge.db", "--format", "json", *more)
        assert done.status == 0, done.said
        return done.out

    trusting = tmp_path / "trusting.toml"
    trusting.write_text(f'[signing]\ntrust_policy_file = "{tmp_path}/trust.yaml"\n')
    assert "not signed" in graded()
    assert "not signed" in graded("--config", trusting)
    assert run("sign", image, "--key", other.private, "--store", "tag").status == 0
    assert "by whom nobody checked" in graded()
    assert "not by whom the trust policy asks for" in graded("--config", trusting)
    assert run("sign", image, "--key", ours.private, "--store", "tag").status == 0
    assert f"signed by {ours.key.key_id}" in graded("--config", trusting)
