# SPDX-License-Identifier: Apache-2.0
"""Real repositories, made by the real git, with keys that the real ssh-keygen, gpg and openssl made."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = {"git": "git", "ssh-keygen": "openssh-client", "gpg": "gnupg", "openssl": "openssl"}
missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
needs_programs = pytest.mark.skipif(bool(missing), reason=f"install {' '.join(missing)}")

WHEN = 1_780_000_000
"""The moment of the first commit, 2026-05-28; each is a minute after the one before."""


def run(*command: str, given: bytes = b"", cwd: Path | None = None, env: Mapping[str, str] | None = None) -> bytes:
    """Runs a program that must end well."""
    environment = {**os.environ, "LC_ALL": "C", **(env or {})}
    ran = subprocess.run(command, input=given, capture_output=True, cwd=cwd, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr.decode(errors="replace")
    return ran.stdout


class Work:
    """A repository in which people commit.

    Args:
        folder: where it lies.
        form: of its object names, `sha1` or `sha256`.
    """

    def __init__(self, folder: Path, form: str = "sha1") -> None:
        self.folder = folder
        self._count = 0
        run("git", "init", "-q", "-b", "main", f"--object-format={form}", str(folder))

    def git(self, *arguments: str, given: bytes = b"", who: str = "Ann <ann@example.com>", **more: str) -> str:
        """Runs git as somebody, a minute after the last time."""
        name, _, address = who.rstrip(">").partition(" <")
        moment = f"{WHEN + 60 * self._count} +0000"
        self._count += 1
        environment = {
            "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address, "GIT_AUTHOR_DATE": moment,
            "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address, "GIT_COMMITTER_DATE": moment,
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **more,
        }  # fmt: skip
        return run("git", "-C", str(self.folder), *arguments, given=given, env=environment).decode().strip()

    def commit(self, message: str, *options: str, path: str = "file", **more: Any) -> str:
        """Changes a file and commits it; the name of the commit."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{message} {self._count}\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, *options, **more)
        return self.head()

    def head(self) -> str:
        """The commit that HEAD names."""
        return self.git("rev-parse", "HEAD")

    def raw(self, name: str) -> bytes:
        """A commit as it is stored."""
        return run("git", "-C", str(self.folder), "cat-file", "commit", name)

    def store(self, raw: bytes) -> str:
        """Stores a commit as it is given and moves the branch there, without looking at it."""
        arguments = ("git", "-C", str(self.folder), "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
        name = run(*arguments, given=raw).decode().strip()
        (self.folder / ".git" / "refs" / "heads" / "main").write_text(f"{name}\n")
        return name


class SshKeys:
    """SSH keys in a folder, and the file of allowed signers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.allowed = folder / "allowed"
        self.allowed.write_text("# who signs\n")

    def make(self, name: str, kind: str = "ed25519", *options: str) -> Path:
        """Makes a key."""
        path = self.folder / name
        run("ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-C", name, "-f", str(path))
        return path

    def allow(self, principals: str, key: Path, options: str = "") -> None:
        """Adds a line to the allowed signers."""
        kind, blob, *_ = key.with_name(f"{key.name}.pub").read_text().split()
        with self.allowed.open("a") as file:
            file.write(" ".join(filter(None, (principals, options, kind, blob))) + "\n")


def signing_with_ssh(key: Path) -> tuple[str, ...]:
    """Settings of git that sign with an SSH key."""
    return ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}", "-c", "commit.gpgsign=true")


class GpgKeys:
    """OpenPGP keys in a home of their own. The agent it starts ends with `close`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(mode=0o700)
        self.program = home / "gpg-here"
        self.program.write_text(f'#!/bin/sh\nexec gpg --homedir "{home}" "$@"\n')
        self.program.chmod(0o755)

    def gpg(self, *arguments: str, given: bytes = b"") -> bytes:
        """Runs gpg."""
        options = ("--batch", "--pinentry-mode", "loopback", "--passphrase", "")
        return run("gpg", "--homedir", str(self.home), *options, *arguments, given=given)

    def make(self, person: str, until: str = "0", *options: str) -> str:
        """Makes a key; its fingerprint."""
        self.gpg(*options, "--quick-generate-key", person, "ed25519", "sign", until)
        return self.fingerprint(person)

    def fingerprint(self, person: str) -> str:
        """The fingerprint of somebody's key."""
        lines = self.gpg("--with-colons", "--list-keys", person).decode().splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr"))

    def export(self, path: Path, *people: str) -> Path:
        """Writes public keys."""
        path.write_bytes(self.gpg("--armor", "--export", *people))
        return path

    def close(self) -> None:
        """Ends the agent of this home."""
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "all"], check=False, capture_output=True)

    def signing(self, key: str) -> tuple[str, ...]:
        """Settings of git that sign with one of these keys."""
        program = ("-c", f"gpg.program={self.program}")
        return (*program, "-c", f"user.signingkey={key}", "-c", "commit.gpgsign=true")
