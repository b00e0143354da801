# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MAX_LINES = 400
DRAWERS = {"utils", "util", "common", "core", "base", "misc", "helpers", "helper", "manager", "types", "lib"}
PRINTING_ROOMS = {"cli", "server"}
OF_AN_ASYNC_CLIENT = {"nats_link.py", "nats_sink.py", "nats_source.py"}  # decision 0078: what they offer waits


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_file_is_one_thing_and_says_which(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    assert ast.get_docstring(ast.parse(text)), "a file says what it is"
    assert text.count("\n") <= MAX_LINES
    assert not DRAWERS & set(path.with_suffix("").parts[-2:]), "a drawer is no name"


def test_only_settings_read_the_environment() -> None:
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}:
                found.add(_name(path))
    assert found == {"src/tidegate/settings/load.py"}


def test_only_doors_print_or_are_async() -> None:
    for path in SOURCES:
        if path.relative_to(ROOT / "src" / "tidegate").parts[0] in PRINTING_ROOMS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            is_async = isinstance(node, ast.AsyncFunctionDef | ast.Await)
            assert not is_async or path.name in OF_AN_ASYNC_CLIENT, _name(path)
            assert not (isinstance(node, ast.Name) and node.id == "print"), _name(path)


def test_documents_name_what_exists() -> None:
    capabilities = (ROOT / "docs" / "capabilities.md").read_text()
    for name in set(re.findall(r"`((?:\w+/)*test_\w+\*?\.py)`", capabilities)):
        assert list((ROOT / "tests").rglob(name.rpartition("/")[2])), f"capabilities.md names {name}"
    for folder in set(re.findall(r"`((?:\w+/)+)`", capabilities)) - {"tests/"}:
        assert (ROOT / "tests" / folder).is_dir(), f"capabilities.md names {folder}"
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / link).exists(), f"{_name(document)} links to {link}"


def test_the_life_of_an_image_names_files_that_exist() -> None:
    for name in re.findall(r"`([a-z_]+/[a-z_]+\.py)`", (ROOT / "docs" / "life-of-an-image.md").read_text()):
        assert (ROOT / "src" / "tidegate" / name).is_file(), name


def test_every_dependency_has_its_line() -> None:
    listed = (ROOT / "docs" / "dependencies.md").read_text()
    pyproject = (ROOT / "pyproject.toml").read_text()
    wanted = re.findall(r'^  "([a-z0-9-]+)', pyproject.partition("[project.scripts]")[0], re.MULTILINE)
    assert len(wanted) > 15
    for name in wanted:
        assert re.search(rf"^\| [^|]*\b{re.escape(name)}\b[^|]*\|", listed, re.MULTILINE), name


def test_locks_pin_by_hash_and_name_no_index() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        assert "index" not in re.sub(r"[a-z-]*index[a-z-]*==", "", text)
        for block in re.findall(r"^[a-z0-9-]+(?:\[[a-z,]+\])?==.*(?:\n    --hash=.*)*", text, re.MULTILINE):
            assert "--hash=sha256:" in block, block.splitlines()[0]
