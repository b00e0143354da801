# SPDX-License-Identifier: Apache-2.0
"""The skeleton: start-up cost, exit statuses, one-line errors, pipes, output files, help that teaches."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
from cli_reference import parts, verbs_part
from cli_run import Run

from tidegate import __version__
from tidegate.cli import failures, main
from tidegate.cli.click_verb import ClickVerb, ClickVerbs
from tidegate.cli.output import Output
from tidegate.cli.verbs import VERBS
from tidegate.errors import BoundExceededError, OutsideError, RefusedError, UsageError
from tidegate.knowledge.seed import build_seed
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference/cli.md"
COMMAND = [sys.executable, "-m", "tidegate"]
PROBE = "import sys; from tidegate.cli import main; main({words!r}); print(sorted(sys.modules), file=sys.stderr)"


def _modules(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(words=list(words))], capture_output=True, check=True, text=True
    )
    return set(eval(done.stderr.splitlines()[-1]))  # noqa: S307 - the list our own probe printed


def test_version_says_the_version_and_imports_next_to_nothing(run: Run) -> None:
    for words in (["version"], ["--version"], ["-V"], ["version", "-q"]):
        ran = run(*words)
        assert (ran.status, ran.out, ran.err) == (0, f"tidegate {__version__}\n", "")
    loaded = _modules("version")
    assert not loaded & {"click", "msgspec", "rich", "tomllib", "inspect", "dataclasses", "tidegate.settings"}
    assert len([name for name in loaded if name.startswith("tidegate")]) < 8


def test_help_imports_no_verb() -> None:
    loaded = _modules("--help")
    assert not {name for name in loaded if name in {verb.module for verb in VERBS}}
    assert not loaded & {"msgspec", "rich", "tidegate.evidence"}


def test_rich_is_not_imported_away_from_a_terminal(home: Path, tmp_path: Path) -> None:
    del home
    assert "rich" not in _modules("scan", f"rootfs:{tmp_path}")


def test_a_known_image_is_scanned_without_what_reads_layers(home: Path, tmp_path: Path) -> None:
    layout = tmp_path / "image"
    write_image(layout, "latest", [LayerBuilder().file("a", b"b").build()], {"User": "1"})
    build_seed(home / "knowledge.db", made_at=datetime(2026, 1, 1, tzinfo=UTC))
    words = ("scan", f"oci:{layout}")
    read_first = _modules(*words)
    assert "tidegate.scan.secrets.rules" in read_first
    known = _modules(*words)
    assert not known & {"hyperscan", "cel_expr_python", "rich", "jinja2", "license_expression", "httpx", "yaml"}
    assert not known & {"tidegate.scan.secrets.rules", "tidegate.scan.secrets.detector", "tidegate.scan.tar"}
    assert not [name for name in known if name.startswith(("tidegate.scan.catalogers.", "tidegate.sbom"))]


def test_every_verb_has_help_with_examples_that_name_it(run: Run) -> None:
    page = run("--help")
    assert page.status == 0
    for verb in VERBS:
        assert verb.help in page.out
        command = import_module(verb.module).command
        assert isinstance(command, ClickVerb | ClickVerbs)
        assert command.name == verb.name
        ran = run(verb.name, "--help")
        assert ran.status == 0
        assert f"  tidegate {verb.name}" in ran.out.partition("Examples:")[2]
        if isinstance(command, ClickVerbs):
            for inner in command.commands.values():
                assert isinstance(inner, ClickVerb)
                assert inner.examples


def test_the_reference_is_what_the_verbs_say() -> None:
    _, made = parts(REFERENCE.read_text())
    assert made.strip() == verbs_part().strip(), "run python tests/cli/cli_reference.py"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["scna"], "no such verb 'scna', did you mean scan?; see tidegate --help"),
        (["xyzzy"], "no such verb 'xyzzy'; see tidegate --help"),
        (["version", "--fromat"], "no such option --fromat, did you mean --format?; see tidegate version --help"),
        (["version", "extra"], "got unexpected extra argument (extra); see tidegate version --help"),
        (["version", "--format", "xml"], "see tidegate version --help"),
        (["--nope"], "no such option --nope"),
        (["db", "nothing"], "no such verb 'nothing', there are build, info, update"),
    ],
)
def test_wrong_usage_is_one_line_with_a_hint_and_exit_2(run: Run, words: list[str], error: str) -> None:
    ran = run(*words)
    assert (ran.status, ran.out) == (2, "")
    assert error in ran.err
    assert ran.err.startswith("tidegate: ")
    assert ran.err.count("\n") == 1


def test_nothing_at_all_shows_help_and_is_wrong_usage(run: Run) -> None:
    ran = run()
    assert (ran.status, ran.out) == (2, "")
    assert "Verbs:" in ran.err


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (RefusedError("not today", where="x", remedy="ask"), 1, "tidegate: x: not today; ask\n"),
        (UsageError("what?"), 2, "tidegate: what?\n"),
        (BoundExceededError("max_x", 5, where="f"), 2, "tidegate: f: over the limit max_x = 5\n"),
        (OutsideError("the disk\nis\x1b[2Jfull"), 3, "tidegate: the disk\\nis\\x1b[2Jfull\n"),
        (KeyboardInterrupt(), 130, "tidegate: interrupted\n"),
        (FileNotFoundError(2, "No such file or directory", "/x"), 3, "tidegate: /x: No such file or directory\n"),
    ],
)
def test_errors_are_one_line_and_their_status(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def act() -> int:
        raise error

    assert failures.guarded(act) == status
    assert capsys.readouterr().err == line


def test_a_defect_is_one_line_and_a_traceback_only_when_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def act() -> int:
        return 1 // 0

    monkeypatch.delenv("TIDEGATE_DEBUG", raising=False)
    assert failures.guarded(act) == 3
    line = capsys.readouterr().err
    assert line.startswith("tidegate: unexpected ZeroDivisionError: ")
    assert line.count("\n") == 1
    assert "--debug" in line
    assert failures.guarded(act, debug=True) == 3
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("TIDEGATE_DEBUG", "1")
    assert failures.guarded(act) == 3
    assert "Traceback" in capsys.readouterr().err


def test_wrong_settings_are_told_with_their_place(run: Run) -> None:
    Path("tidegate.toml").write_text("[server]\nprot = 1\n")
    ran = run("db", "info")
    assert ran.status == 2
    assert "tidegate.toml:2: unknown setting 'server.prot'; did you mean server.port?" in ran.err
    Path("other.toml").write_text("db = 'here.db'\n")
    ran = run("--config", "other.toml", "db", "info")
    assert "here.db" in ran.err


def test_a_closed_pipe_is_nobodys_failure(home: Path, tmp_path: Path) -> None:
    del home
    for number in range(4000):
        (tmp_path / f"long-{number}.dist-info").mkdir()
        text = f"Metadata-Version: 2.1\nName: long-{number}\nVersion: 1\n"
        (tmp_path / f"long-{number}.dist-info" / "METADATA").write_text(text)
    script = f"{sys.executable} -m tidegate scan rootfs:{tmp_path} --format json | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout == b"{"
    assert b"Broken" not in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_full_disk_is_said(home: Path) -> None:
    del home
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with Path("/dev/full").open("wb") as full:
        for words in (["version"], ["version", "--format", "json"]):
            done = subprocess.run([*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, check=False)
            assert done.returncode == 3
            assert b"No space left on device" in done.stderr
            assert b"Traceback" not in done.stderr
    done = subprocess.run([*COMMAND, "version", "-o", "/dev/full"], capture_output=True, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)


def _hear_interrupts() -> None:
    """A suite that was started in the background has its children ignore interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_is_130(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.yaml"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*COMMAND, "policy", "check", str(fifo)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=_hear_interrupts,  # noqa: PLW1509 - nothing but one call, before exec
    )
    with fifo.open("wb"):  # opens when the command has begun to read
        for _ in range(12):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):  # it came right before the read, which goes on
                _, err = process.communicate(timeout=10)
                break
    assert process.returncode == 130
    assert err.strip() == b"tidegate: interrupted"


def test_a_terminal_gets_indented_json_without_control_characters(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    code = (
        "from tidegate.cli.output import Output;"
        "Output(form='json').write_json({'a': '\\x1b[2J\\x9b31m\\u202e', 'b': ['\\U000e0001']})"
    )
    subprocess.run([sys.executable, "-c", code], stdout=slave, check=True, cwd=tmp_path)
    os.close(slave)
    shown = os.read(master, 1 << 16).decode().replace("\r\n", "\n")
    os.close(master)
    assert shown.splitlines()[1].startswith("  ")
    assert "".join(shown.split("\n")).isprintable()
    assert json.loads(shown) == {"a": "\x1b[2J\x9b31m\u202e", "b": ["\U000e0001"]}


def test_an_output_file_is_replaced_whole_or_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_bytes(b"old")
    file.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(file)
    Output(form="x", file=link).write_bytes(b"new")
    assert file.read_bytes() == b"new"
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    with pytest.raises(OutsideError, match="cannot be written"):
        Output(form="x", file=tmp_path / "none" / "out").write_bytes(b"x")
    with pytest.raises(UsageError, match="is a folder"):
        Output(form="x", file=tmp_path).write_bytes(b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "out"]


def test_a_broken_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "out"
    file.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutsideError, match="No space left"):
        Output(form="x", file=file).write_bytes(b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_program_is_installed_under_its_name() -> None:
    program = shutil.which("tidegate", path=str(Path(sys.executable).parent))
    assert program is not None
    assert subprocess.run([program, "version"], capture_output=True, check=True).stdout == b"tidegate 0.1.0\n"


def test_main_takes_the_process_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["tidegate", "version"])
    assert main() == 0
    assert capsys.readouterr().out == f"tidegate {__version__}\n"


def test_a_verb_of_a_verb_that_does_not_exist_is_answered_with_those_that_do(run: Run) -> None:
    assert "no such verb 'status', there are build, info, update" in run("db", "status").err
    assert "no such verb 'udpate', did you mean update?" in run("db", "udpate").err
