# SPDX-License-Identifier: Apache-2.0
"""Options of everything that looks at commits: whose signatures count, and what is asked of each commit."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli.gathered_options import gathered

if TYPE_CHECKING:
    from tidegate.development.commits.rules import Demands
    from tidegate.development.commits.verifying import Trust

_FILE: Final = click.Path(path_type=Path)
_MAX_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitOptions:
    """What was said on the command line; empty where nothing was."""

    allowed_signers: tuple[Path, ...]
    revoked_keys: tuple[Path, ...]
    gpg_keys: tuple[Path, ...]
    x509_roots: tuple[Path, ...]

    @property
    def is_given(self) -> bool:
        """True when anybody's signature counts."""
        return bool(self.allowed_signers or self.gpg_keys or self.x509_roots)

    def trust(self) -> "Trust":
        """Whose signatures count.

        Raises:
            TidegateError: a file is missing, or is not what it should be.
        """
        from tidegate.cli.named_file import read_named_file
        from tidegate.development.commits.allowed_signers import parse_allowed_signers, parse_revoked_keys
        from tidegate.development.commits.ssh_signature import SshTrust
        from tidegate.development.commits.verifying import Trust
        from tidegate.development.commits.x509 import read_roots

        def read(path: Path) -> bytes:
            return read_named_file(path, max_bytes=_MAX_BYTES)

        signers = [it for path in self.allowed_signers for it in parse_allowed_signers(read(path), where=str(path))]
        revoked = [key for path in self.revoked_keys for key in parse_revoked_keys(read(path), where=str(path))]
        roots = b"\n".join(read(path) for path in self.x509_roots)
        return Trust(
            ssh=SshTrust(signers=tuple(signers), revoked=frozenset(revoked)),
            openpgp=b"\n".join(read(path) for path in self.gpg_keys),
            openpgp_file=" ".join(map(str, self.gpg_keys)),
            x509=read_roots(roots, where=" ".join(map(str, self.x509_roots))) if roots else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandOptions:
    """What is asked of each commit, as written."""

    people: tuple[str, ...]
    unsigned_ok: bool
    own_signature: bool
    forge: tuple[str, ...]
    sign_off: bool
    reviews: int

    def demands(self) -> "Demands":
        """The demands."""
        from tidegate.development.commits.rules import Demands

        return Demands(
            signed=not self.unsigned_ok,
            own_signature=self.own_signature,
            people=self.people,
            sign_off=self.sign_off,
            reviews=self.reviews,
            forge_signs=self.forge,
        )


def commit_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options of trust; the verb gets them as one `signers`."""
    return gathered(function, "signers", CommitOptions, _trusting(), keys=CommitOptions.__slots__)


def demand_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options of what is asked; the verb gets them as one `asked`."""
    return gathered(function, "asked", DemandOptions, _asking(), keys=DemandOptions.__slots__)


def _trusting() -> list[click.Parameter]:
    def file(name: str, help_: str) -> click.Parameter:
        return click.Option([name], multiple=True, type=_FILE, metavar="FILE", help=help_)

    return [
        file("--allowed-signers", "OpenSSH's list of whose SSH keys sign for whom."),
        file("--revoked-keys", "SSH keys that count no longer, one a line."),
        file("--gpg-keys", "OpenPGP keys that count, as gpg --export writes them."),
        file("--x509-roots", "Roots of certificates that count, in PEM (gitsign)."),
    ]


def _asking() -> list[click.Parameter]:
    return [
        click.Option(["--people"], multiple=True, metavar="PATTERN", help="Who may write commits: *@example.com."),
        click.Option(["--unsigned-ok"], is_flag=True, help="Ask for no signatures."),
        click.Option(["--own-signature"], is_flag=True, help="Signed by who wrote or recorded it."),
        click.Option(["--forge"], multiple=True, metavar="ADDRESS", help="Whose signature is as anybody's own."),
        click.Option(["--sign-off"], is_flag=True, help="Signed-off-by of the author (DCO)."),
        click.Option(
            ["--reviews"], type=click.IntRange(0, 100), default=0, metavar="N", help="Reviewers who wrote none of it."
        ),
    ]
