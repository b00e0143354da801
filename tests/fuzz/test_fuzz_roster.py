# SPDX-License-Identifier: Apache-2.0
"""No parser is forgotten: every public reader in the source is run by the samples of the roster, or named here."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from fuzz_parser import NAMED
from fuzz_roster import parsers

import tidegate

ROOT = Path(tidegate.__file__).parent
READER = re.compile(r"(read|parse|from|decode|unpack|load|split)(_\w+)?|\w+_(of|in|from)_(xml|toml|json|note)")
DECODERS = frozenset(
    {"yaml", "tomllib", "struct", "zlib", "isal", "csv", "defusedxml", "zstandard", "sqlite3", "zipfile", "plistlib"}
)
"""A module that imports one of these takes bytes apart."""

NO_READERS = {
    "admission/gate.py": "asks the shelf",
    "assembly/gate.py": "reads the user's own files and hands them to policy/document.py",
    "assembly/keeping.py": "reads the user's own files and hands them to curation/keeping/rule_file.py",
    "assembly/sensor.py": "reads the user's own files and hands them to execution/drift_rule_file.py",
    "assembly/signing.py": "opens the user's own files and key services, tests/verification",
    "bounds.py": "counts bytes and takes none apart",
    "cli": "doors: what they parse, they hand to a room",
    "cluster/known.py": "its own file, tests/cluster",
    "curation": "reads its own database",
    "examination/difference.py": "compares values",
    "execution/gate.py": "decides over values",
    "execution/placements.py": "reads its own database",
    "kubernetes/client.py": "reads the user's own kubeconfig, tests/kubernetes_client",
    "knowledge/build.py": "calls the readers of knowledge; tests/knowledge",
    "knowledge/layout.py": "finds files; bounded reads",
    "knowledge/staging.py": "its own database",
    "knowledge/writing.py": "its own database",
    "assembly/ledger.py": "reads the user's own files and hands them to ledger/policy.py",
    "assembly/ledger_copy.py": "reads the user's own files and hands them to the readers of ledger",
    "ledger/copy.py": "hands bytes to the readers of ledger, tests/ledger",
    "ledger/log.py": "reads its own database",
    "ledger/stored.py": "reads its own database",
    "licences/index.py": "reads the table that comes with tidegate",
    "oci/blobs.py": "checks bytes against a descriptor, tests/oci",
    "oci/choose.py": "chooses among parsed values, tests/oci",
    "oci/destination.py": "reads a user's own word, tests/oci/encryption",
    "oci/layer_builder.py": "writes",
    "oci/write.py": "writes",
    "policy/profile.py": "reads the profile that comes with tidegate",
    "reports": "write",
    "sbom/forms.py": "write",
    "scan/folder.py": "walks a real folder, tests/scan/engine; what lies in it goes to the catalogers",
    "scan/forked.py": "hands layers to processes of our own, tests/scan",
    "sensor/fanotify.py": "what the kernel says, tests/sensor",
    "reporting/spool.py": "its own file, tests/reporting",
    "sensor/watching.py": "what the kernel says, tests/sensor",
    "server": "doors",
    "settings/convert.py": "of the user's own settings, run by the samples where they differ from the defaults",
    "storage": "its own database",
    "wire.py": "run by the samples; from_msgpack only of caches",
}
"""Modules and rooms with a reader's name or tools that need no place in the roster, and why."""


def public_readers() -> Iterator[tuple[str, str]]:
    """Module and name of every function that looks like a reader of bytes or text."""
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and READER.fullmatch(node.name) and not node.name.startswith("_"):
                yield file.relative_to(ROOT).as_posix(), node.name


def modules_with_decoders() -> Iterator[str]:
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [it.name for it in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            if any(name.partition(".")[0] in DECODERS for name in names):
                yield file.relative_to(ROOT).as_posix()


def functions_run() -> frozenset[tuple[str, str]]:
    """Module and name of every function that the roster's samples ran."""
    prefix, seen = str(ROOT) + "/", set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(prefix):
            seen.add((frame.f_code.co_filename[len(prefix) :], frame.f_code.co_name))

    for parser in parsers():
        for sample in sorted(parser.samples, key=len)[:8]:
            sys.setprofile(note)
            try:
                parser.read(sample)
            except NAMED:
                pass
            finally:
                sys.setprofile(None)
    return frozenset(seen)


def test_no_reader_is_forgotten() -> None:
    # In a process of its own, for what other tests have read before may be remembered and not read again.
    code = "import test_fuzz_roster as it; print(*('\\t'.join(one) for one in it.functions_run()), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    )
    run = {tuple(line.split("\t")) for line in done.stdout.splitlines()}
    modules = {module for module, _ in run}
    missing = {
        f"{module}: {name}" for module, name in public_readers() if (module, name) not in run and not _excused(module)
    }
    missing |= {module for module in modules_with_decoders() if module not in modules and not _excused(module)}
    assert sorted(missing) == []


def _excused(module: str) -> bool:
    return module in NO_READERS or module.partition("/")[0] in NO_READERS


def test_names_are_unique_and_every_corpus_has_its_parser() -> None:
    names = [parser.name for parser in parsers()]
    assert len(names) == len(set(names))
    folders = {folder.name for folder in (Path(__file__).parent / "corpora").iterdir() if folder.is_dir()}
    assert folders <= set(names)


def test_what_is_excused_is_there() -> None:
    assert [module for module in NO_READERS if not (ROOT / module).exists()] == []
