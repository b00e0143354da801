# SPDX-License-Identifier: Apache-2.0
"""kill -9 while an image is taken in, then a restart: it arrives once, and what came is not fetched again."""

from pathlib import Path

import httpx
import pytest
from whole_server import WholeServer, python_image

from docker_registry import DockerRegistry, intake_file


@pytest.mark.slow
@pytest.mark.parametrize("step", ["Intake.look:after", "ShelfBlobs.finish:after", "Intake.fetch:after"])
def test_a_kill_at_any_step_leaves_the_fetch_to_be_finished_once(step: str, tmp_path: Path) -> None:
    python_image(tmp_path, "app", {"h11": "0.14.0"})
    with DockerRegistry(tmp_path / "upstream") as upstream:
        digest = upstream.push(tmp_path, "app", "team/app:1")
        environment = {"TIDEGATE_INTAKE_FILE": str(intake_file(tmp_path, upstream.host, fresh_s=300.0))}
        with WholeServer(tmp_path / "home", kill_at=step, environment=environment) as server:
            with pytest.raises(httpx.TransportError):
                server.http.get("/v2/hub/team/app/manifests/1")
            assert server.died() == -9
        with WholeServer(tmp_path / "home", environment=environment) as server:
            assert server.http.get("/v2/hub/team/app/manifests/1").headers["docker-content-digest"] == digest
            arrived = [event for event in server.events() if event["type"] == "dev.tidegate.intake.image.arrived"]
            assert len(arrived) == 1
        layers = [path.name for path in (tmp_path / "blobs" / "sha256").iterdir()]
        fetched = [upstream.requests("GET", f"/blobs/sha256:{name}") for name in layers if name not in digest]
        # The layer once; the configuration twice, for its date too. What was killed half-way asks for its date again.
        assert sum(fetched) <= (5 if step.startswith("ShelfBlobs") else 3), fetched
