# SPDX-License-Identifier: Apache-2.0
"""Rust programs: the list cargo-auditable leaves, and crates that are mentioned where there is no such list."""

import json
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from program_forms import elf, macho, pe

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import Basis, Scope
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers import rust_binary
from tidegate.scan.catalogers.rust_binary import RustBinaryCataloger

CRATES = [
    {"name": "app", "version": "0.1.0", "source": "local", "root": True, "dependencies": [1, 2]},
    {"name": "cc", "version": "1.0.83", "source": "crates.io", "kind": "build"},
    {"name": "time", "version": "0.1.45", "source": {"Custom": "somewhere"}},
]
PATH = "/home/me/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f"


def read(content: bytes) -> dict[str, tuple[str, Scope, Basis]]:
    facts = RustBinaryCataloger().catalog(ImageFile(path="usr/local/bin/app", content=content))
    return {package.name: (package.version, package.scope, package.basis) for package in facts.packages}


def auditable(document: object) -> bytes:
    return zlib.compress(json.dumps(document).encode())


@pytest.mark.parametrize("form", [elf, pe, macho])
def test_the_list_of_crates_is_read_with_what_they_are_for(form: object) -> None:
    assert callable(form)
    assert read(form({".text": b"code", ".dep-v0": auditable({"packages": CRATES})})) == {
        "app": ("0.1.0", Scope.RUNTIME, Basis.INSTALLED),
        "cc": ("1.0.83", Scope.BUILD, Basis.INSTALLED),
        "time": ("0.1.45", Scope.RUNTIME, Basis.INSTALLED),
    }


def test_crates_are_recognised_by_the_places_they_may_panic_at() -> None:
    text = (
        f"{PATH}/time-0.1.45/src/lib.rs\0{PATH}/toml_writer-1.0.6+spec-1.1.0/src/x.rs{PATH}/time-0.1.45/src/duration.rs"
    )
    content = elf({".rodata": text.encode()})
    assert read(content) == {
        "time": ("0.1.45", Scope.RUNTIME, Basis.RECOGNISED),
        "toml_writer": ("1.0.6+spec-1.1.0", Scope.RUNTIME, Basis.RECOGNISED),
    }
    assert read(pe({".rdata": text.replace("/", "\\").encode()})) == read(content)


@pytest.mark.parametrize(
    "text",
    [
        "/registry/src/time-0.1.45/src/lib.rs",
        f"{PATH}/time/src/lib.rs",
        f"{PATH}/-1.2.3/x",
        "/rust/deps/hashbrown-0.14.3/src/raw.rs",
    ],
)
def test_other_paths_are_no_crates(text: str) -> None:
    assert read(elf({".rodata": text.encode()})) == {}


@pytest.mark.parametrize(
    "data", [b"not zlib", zlib.compress(b"not json"), zlib.compress(b"[1]"), auditable({"packages": [1]})]
)
def test_a_broken_list_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read(elf({".dep-v0": data}))


def test_a_list_that_inflates_past_its_bound_is_refused() -> None:
    with pytest.raises(BoundExceededError, match="MAX_LIST_BYTES"):
        read(elf({".dep-v0": zlib.compress(bytes(rust_binary.MAX_LIST_BYTES + 1))}))


def test_a_crate_without_name_costs_only_itself() -> None:
    with pytest.raises(PartialError) as raised:
        read(elf({".dep-v0": auditable({"packages": [*CRATES, {"name": "", "version": "1"}]})}))
    assert len(raised.value.facts.packages) == len(CRATES)


@pytest.mark.tools
@pytest.mark.slow
def test_a_program_that_cargo_made_carries_its_list(tmp_path: Path) -> None:
    """The section is put in by objcopy where cargo-auditable is missing: a linker's file either way."""
    cargo = shutil.which("cargo") or pytest.skip("cargo is missing; install Rust")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.rs").write_text('fn main() { println!("{}", one::one()); }\n')
    (tmp_path / "Cargo.toml").write_text(
        '[package]\nname = "app"\nversion = "0.3.0"\nedition = "2021"\n'
        '[dependencies]\none = { path = "one" }\n[profile.release]\nstrip = true\n'
    )
    (tmp_path / "one" / "src").mkdir(parents=True)
    (tmp_path / "one" / "Cargo.toml").write_text('[package]\nname = "one"\nversion = "1.2.3"\nedition = "2021"\n')
    (tmp_path / "one" / "src" / "lib.rs").write_text("pub fn one() -> i32 { 1 }\n")
    has_auditable = shutil.which("cargo-auditable") is not None
    command = [cargo, *(["auditable"] if has_auditable else []), "build", "--release", "--offline", "--quiet"]
    subprocess.run(command, cwd=tmp_path, check=True)
    program = tmp_path / "target" / "release" / "app"
    if not has_auditable:
        objcopy = shutil.which("objcopy") or pytest.skip("objcopy is missing; install binutils")
        listed = [{"name": "app", "version": "0.3.0", "root": True}, {"name": "one", "version": "1.2.3"}]
        (tmp_path / "list").write_bytes(auditable({"packages": listed}))
        subprocess.run([objcopy, "--add-section", f".dep-v0={tmp_path / 'list'}", program], check=True)
    versions = {name: version for name, (version, _, _) in read(program.read_bytes()).items()}
    assert versions == {"app": "0.3.0", "one": "1.2.3"}
