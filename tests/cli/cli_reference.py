# SPDX-License-Identifier: Apache-2.0
"""Makes the verbs' part of docs/reference/cli.md from the verbs themselves.

Run `python tests/cli/cli_reference.py` after a verb or an option has changed.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from tidegate.cli.click_verb import ClickVerb, ClickVerbs
from tidegate.cli.command import Verbs
from tidegate.cli.verbs import VERBS

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"
MARK: Final = "<!-- The rest is made by tests/cli/cli_reference.py. -->\n"
_SHARED: Final = frozenset({"quiet", "verbose", "debug", "config", "home", "help"})
_ARGUMENTS: Final = {
    "context": "folder that COPY and ADD read",
    "package": "a package URL without version, or a name as advisories have it; after `@` limits of its version",
    "thing": "a digest, a package URL, a base (`debian:12`), a key by name or id, or how a commit begins",
    "advisory": "an advisory, by any of its names",
    "container": "its name, `NAMESPACE/POD/NAME`, or the beginning of its id",
    "flows": "files of declared flows",
    "target": "what to read, see above",
    "others": "more of them",
    "folder": "a git repository",
    "report": "JUnit XML or SARIF 2.1.0",
    "words": "what to look for; every word must be found",
    "image": "what to read, see above",
    "digest": "a digest, or a name in our registry",
    "path": "file in the image, absolute or from its root; links are followed",
    "paths": "files, folders, or `-` for standard input",
    "targets": "files, folders, `-` for standard input, or one image",
    "before": "what it was: an image, a bill of materials or a saved report",
    "after": "what it is: likewise",
    "file": "a document",
    "files": "files, or folders of them; none takes what the settings name",
    "number": "of one, as it was told when it was asked for",
    "purpose": "encryption, ledger, signing, token or webhook",
    "shell": "bash, zsh or fish",
    "name": "an image reference; of a recipient, a principal's name or `group:NAME`; of a key, a name for people",
    "public_key": "a file: PEM, DER or JWK, RSA or EC",
    "key": "a private key, with the file of its password behind a colon",
    "kid": "thumbprint of a public key, as `tidegate recipient list` shows it",
    "principal": "its name; `robot$` may be left out where only a robot can be meant",
    "holder": "a principal's name, or `group:NAME`",
    "pattern": "`team-a/app`, `team-a/*`, `team-a/**` or `**`",
    "verbs": "pull, push, delete, list, admit, approve, audit, trust, govern, administer",
    "tenant": "its name",
    "owner": "its name",
    "case": "its id, or how that begins",
    "message": "its id, or how that begins",
    "channel": "its name",
    "host": "of the mail server",
    "prefixes": "beginnings of repository names, whole parts",
    "update": "its id, or how it begins",
    "tide": "its id, or how it begins",
    "git_folder": "a folder of git, or a bare repository",
    "subscription": "its id, or how it begins",
    "url": "`https:`, or `http:` on this machine",
    "grant": "its id, or how it begins",
    "server": "`https://HOST[:PORT]`; without it `client.server`",
    "tag": "a tag of our registry, `repository:tag`",
    "list_": "a file, or `-` for standard input",
    "entries": "an index, or `FIRST..LAST`",
    "entry": "an index, or the digest of a statement's envelope",
    "copy": "a folder, made when it is missing",
    "source": "a folder, a URL, or a file with a proof",
    "incident": "its id, as `tidegate incident list` shows it",
    "response": "its id, as `tidegate respond list` shows it",
    "names": "running containers: a name, `NAMESPACE/POD/NAME`, an id or the beginning of one",
    "repository": "a repository of our registry, or `repository:tag`",
}


def verbs_part() -> str:
    """The sections of all verbs, in the order of help."""
    root = Verbs("tidegate")
    context = click.Context(root, info_name="tidegate")
    sections: list[str] = []
    for verb in VERBS:
        command = root.get_command(context, verb.name)
        if command is not None:
            sections += _sections(verb.name, command)
    return "\n".join(sections)


def _sections(name: str, command: click.Command) -> list[str]:
    if not isinstance(command, ClickVerbs):
        return [_section(name, command)]
    inner = [part for own, it in command.commands.items() for part in _sections(f"{name} {own}", it)]
    return [_group(name, command), *inner]


def _group(name: str, command: ClickVerbs) -> str:
    return f"## `tidegate {name}`\n\n{command.help}\n\n{_examples(command)}"


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    arguments = " ".join(
        piece
        for param in command.params
        if isinstance(param, click.Argument)
        for piece in param.get_usage_pieces(context)
    )
    rows = [row for param in command.params if (row := _row(param, context))]
    table = "| Option | Meaning |\n|---|---|\n" + "".join(rows) if rows else ""
    text = inspect.cleandoc(command.help or "")
    return f"## `tidegate {f'{name} {arguments}'.strip()}`\n\n{text}\n\n{table}\n{_examples(command)}"


def _row(param: click.Parameter, context: click.Context) -> str:
    if param.name in _SHARED:
        return ""
    if isinstance(param, click.Argument):
        return f"| `{param.name}` | {_ARGUMENTS[str(param.name)]} |\n"
    if not isinstance(param, click.Option):
        return ""
    names = ", ".join(f"`{name}`" for name in param.opts)
    word = "" if param.is_flag else f" {_word(param, context)}"
    return f"| {names}{word} | {_plain(param.help or '')} |\n"


def _word(param: click.Option, context: click.Context) -> str:
    if isinstance(param.type, click.Choice):
        return "\\|".join(map(str, param.type.choices))
    return _plain(param.make_metavar(context))


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


def _examples(command: click.Command) -> str:
    if not isinstance(command, ClickVerb) or not command.examples:
        return ""
    return "```sh\n" + "".join(f"{line}    # {purpose}\n" for line, purpose in command.examples) + "```\n"


def parts(page: str) -> Iterator[str]:
    """What people wrote, and what this wrote."""
    before, _, after = page.partition(MARK)
    yield before
    yield after


if __name__ == "__main__":
    written, _ = parts(PAGE.read_text())
    PAGE.write_text(f"{written}{MARK}\n{verbs_part()}")
