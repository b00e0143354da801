# SPDX-License-Identifier: Apache-2.0
"""A registry that only observes: a rejected image is still served, and the API says who would have been refused it."""

from pathlib import Path

from whole_server import WholeServer, python_image


def test_observing_serves_and_tells(tmp_path: Path) -> None:
    digest = python_image(tmp_path / "layout", "bad", {"apache-airflow": "1.10.10"})
    with WholeServer(tmp_path / "home", environment={"TIDEGATE_CURATION_MODE": "observe"}) as server:
        server.push(tmp_path / "layout", "bad", "watched/bad:1")
        assert server.verdict(digest)["state"] == "rejected"
        served = server.http.get("/v2/watched/bad/manifests/1")
        assert served.status_code == 200
        assert "exploited" in served.headers["tidegate-would-refuse"]
        told = server.api("/refusals", repository="watched/bad", enforced=False)
        assert told["mode"] == "observe"
        (refusal,) = told["refusals"]
        assert (refusal["digest"], refusal["state"], refusal["pulls"]) == (digest, "rejected", 1)
        assert server.api("/refusals", enforced=True)["refusals"] == []
        event = server.wait_for_event("curation.image.refused")
        assert (event["subject"], event["data"]["enforced"]) == (digest, False)
        text = server.http.get("/metrics").text
        assert 'tidegate_registry_refusals_total{enforced="false",state="rejected"} 1.0' in text
    assert "nothing is withheld" in (tmp_path / "home" / "server.log").read_text()
