# SPDX-License-Identifier: Apache-2.0
"""Whom a repository is kept for, and what a grant is for, hold for promotions too: another name opens nothing."""

from pathlib import Path
from typing import Any

from whole_server import WholeServer, python_image

PASSWORD = "a long enough password"


def test_a_promotion_takes_nobody_past_a_rule_or_the_condition_of_a_grant(tmp_path: Path) -> None:
    with WholeServer(tmp_path / "home") as server:
        digest = python_image(tmp_path, "good", {"h11": "0.14.0"})
        for name in ("team/app", "some/app", "open/app"):
            server.push(tmp_path, "good", f"{name}:1")
        server.verdict(digest)

        def ask(path: str, **body: Any) -> None:
            answer = server.http.post(f"/api/v1{path}", json=body)
            assert answer.status_code == 201, answer.text

        def promote(source: str, target: str) -> int:
            body = {"digest": digest, "source": source, "target": target, "reason": "mine"}
            return server.http.post("/api/v1/promotions", json=body, auth=("bob", PASSWORD)).status_code

        ask("/restrictions", pattern="team/*", reason="pilot", who=["anna"])
        ask("/grants", holder="bob", pattern="team/*", verbs=["pull"])
        ask("/grants", holder="bob", pattern="some/*", verbs=["pull"], condition="request.tag == 'stable'")
        ask("/grants", holder="bob", pattern="open/*", verbs=["pull"])
        ask("/grants", holder="bob", pattern="bob/*", verbs=["pull"])
        ask("/grants", holder="bob", pattern="bob/*", verbs=["push"], condition="request.tag != 'stable'")
        ask("/principals", kind="user", name="bob", password=PASSWORD)
        assert server.http.get("/v2/team/app/manifests/1", auth=("bob", PASSWORD)).status_code == 403
        for source, target in (("team/app", "bob/app:1"), ("some/app", "bob/app:1"), ("open/app", "bob/app:stable")):
            assert promote(source, target) == 403, source
        assert server.http.get("/v2/bob/app/manifests/1", auth=("bob", PASSWORD)).status_code == 404
        assert promote("open/app", "bob/app:1") == 200
        assert server.http.get("/v2/bob/app/manifests/1", auth=("bob", PASSWORD)).status_code == 200
