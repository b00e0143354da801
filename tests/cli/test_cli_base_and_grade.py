# SPDX-License-Identifier: Apache-2.0
"""Bases remembered, findings told apart by them, better bases advised; and grades side by side."""

from pathlib import Path

import pytest
from cli_run import Run

from tidegate.oci.layer_builder import BuiltLayer, LayerBuilder
from tidegate.oci.write import write_image

SITE = "usr/lib/python3/dist-packages"


def packages(**versions: str) -> BuiltLayer:
    layer = LayerBuilder()
    for name, version in versions.items():
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        layer.file(f"{SITE}/{name}-{version}.dist-info/METADATA", text)
    return layer.build()


SYSTEM = LayerBuilder().file("etc/os-release", 'ID=debian\nVERSION_ID="12"\n').build()
OLD, NEW = packages(weir="1.0"), packages(weir="1.5")
OWN = packages(brook="1.2")


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    """Two releases of a base, and an application on the older one."""
    made = {"old": [SYSTEM, OLD], "new": [SYSTEM, NEW], "app": [SYSTEM, OLD, OWN]}
    for name, layers in made.items():
        write_image(tmp_path / name, "latest", layers, {"User": "1000"})
    return {name: tmp_path / name for name in made}


@pytest.mark.usefixtures("knowledge")
def test_findings_are_told_apart_and_the_better_base_is_advised(run: Run, images: dict[str, Path]) -> None:
    alone = run("scan", images["app"], "--format", "json").json
    assert alone["base"] is None
    assert {one["part"] for one in alone["findings"]} == {""}
    for name, tag in (("old", "1.0"), ("new", "1.1")):
        assert run("base", "add", images[name], "--name", f"house.example/base/python:{tag}").status == 0
    told = run("scan", images["app"], "--format", "json").json
    assert (told["base"]["name"], told["base"]["layers"], told["base"]["known_by"]) == (
        "house.example/base/python:1.0",
        2,
        "layers",
    )
    assert {one["name"]: one["part"] for one in told["findings"]} == {"weir": "base", "brook": "yours"}
    base, *rest = told["advice"]
    assert (base["kind"], base["to"], base["removes"], base["adds"]) == (
        "base",
        "house.example/base/python:1.1",
        ["PYSEC-2025-3"],
        [],
    )
    # 2.0 mends one of brook's two; the other has no fix, so it stays and is not told as gone.
    assert {(one["subject"], one["to"], *one["removes"]) for one in rest} == {
        ("pkg:pypi/weir@1.0", "1.5", "PYSEC-2025-3"),
        ("pkg:pypi/brook@1.2", "2.0", "PYSEC-2025-1"),
    }
    assert run("base", "forget", "house.example/base/python:1.0").status == 0
    assert [one["name"] for one in run("base", "list", "--format", "json").json] == ["house.example/base/python:1.1"]
    assert run("scan", images["app"], "--format", "json").json["base"] is None


def test_a_target_without_a_name_needs_one(run: Run, images: dict[str, Path]) -> None:
    ran = run("base", "add", images["old"])
    assert ran.status == 2
    assert "--name" in ran.err
    assert "no base is known" in run("base", "list").out
    assert run("base", "forget", "nothing").status == 2


@pytest.mark.usefixtures("knowledge")
def test_images_are_graded_side_by_side(run: Run, images: dict[str, Path]) -> None:
    old, new = run("grade", images["old"], images["new"], "--format", "json").json
    assert old["points"] < new["points"]
    assert old["points"] <= 39
    assert old["caps"][0].startswith("1 flaw in it known to be exploited")
    by_name = {mark["criterion"]: mark["points"] for mark in new["marks"]}
    assert set(by_name) == {"maker", "support", "care", "age", "need", "setup", "findings", "custody"}
    assert by_name["findings"] == 100
    page = run("grade", images["old"], images["new"])
    assert page.status == 0
    assert page.out.count("who made it, and can that be proved") == 3
    assert "no better, because 1 flaw in it known to be exploited" in page.out
    table = run("grade", images["old"], images["new"], "--format", "markdown").out
    assert table.startswith("| | ")
    assert table.count("\n| ") == 9


@pytest.mark.usefixtures("knowledge")
def test_a_grade_is_a_threshold(run: Run, images: dict[str, Path]) -> None:
    ran = run("grade", images["old"], "--at-least", "D")
    assert ran.status == 1
    assert "1 of 1 is worse than D" in ran.err
    assert run("grade", images["new"], "--at-least", "D").status == 0


def test_without_knowledge_nothing_is_graded(run: Run, images: dict[str, Path]) -> None:
    ran = run("grade", images["new"])
    assert ran.status == 2
    assert "no knowledge file" in ran.err
