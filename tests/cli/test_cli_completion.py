# SPDX-License-Identifier: Apache-2.0
"""Words completed by a real shell, from the script that the command writes for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_run import Run

from tidegate.cli.verbs import VERBS

PROGRAM = Path(sys.executable).parent / "tidegate"
_DRIVER = """
compopt() {{ printf 'compopt %s\\n' "$*"; }}
source {script}
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_tidegate_completion tidegate
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(folder: Path, *words: str) -> set[str]:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is missing; install it")
    if not PROGRAM.is_file():
        pytest.skip("tidegate is not installed beside this interpreter; run make setup-dev")
    script = folder / "completion.bash"
    if not script.exists():
        script.write_bytes(subprocess.run([PROGRAM, "completion", "bash"], capture_output=True, check=True).stdout)
    quoted = " ".join(f"'{word}'" for word in ("tidegate", *words))
    done = subprocess.run(
        [bash, "--norc", "-c", _DRIVER.format(script=script, words=quoted)],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PATH": f"{PROGRAM.parent}:/usr/bin:/bin", "HOME": str(folder)},
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_completes_verbs_options_and_values(tmp_path: Path) -> None:
    assert completed(tmp_path, "sca") == {"scan"}
    assert completed(tmp_path, "") >= {verb.name for verb in VERBS}
    assert completed(tmp_path, "scan", "--fail-on-") >= {"--fail-on-secrets"}
    assert completed(tmp_path, "scan", "--fail-on", "") >= {"critical", "high"}
    assert completed(tmp_path, "scan", "--format", "cyclone") == {"cyclonedx-json", "cyclonedx-xml"}
    assert completed(tmp_path, "db", "up") == {"update"}
    assert completed(tmp_path, "scan", "oci-") == {"oci-archive:"}
    assert completed(tmp_path, "scan", "ima") == {"compopt", "-o", "default"}  # bash's own, of files


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_script_without_complaint(run: Run, tmp_path: Path, shell: str) -> None:
    ran = run("completion", shell)
    assert (ran.status, "_TIDEGATE_COMPLETE" in ran.out, "tidegate" in ran.out) == (0, True, True)
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is missing; install it")
    script = tmp_path / "script"
    script.write_text(ran.out)
    subprocess.run([program, "-n", script], check=True, capture_output=True)


def test_a_shell_nobody_knows_is_refused(run: Run) -> None:
    assert run("completion", "tcsh").status == 2
