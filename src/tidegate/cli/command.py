# SPDX-License-Identifier: Apache-2.0
"""The whole command as click sees it: verbs looked up in the table and imported on use."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

from tidegate.cli import VERSION_LINE
from tidegate.cli.click_verb import ClickVerbs, meant
from tidegate.cli.failures import say
from tidegate.cli.verbs import VERBS
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_INTRODUCTION: Final = """One gate for container images, at every place where trust changes.

Reads what is in an image, joins it with what the world knows of it, and judges it by your policy.
Results go to standard output, everything else to standard error.
Exit status: 0 fine, 1 a threshold or a policy says no, 2 wrong usage or unreadable input,
3 something outside failed, 130 interrupted."""
_EXAMPLES: Final = (
    ("tidegate db update --url https://…", "fetch what is known of vulnerabilities"),
    ("tidegate scan oci:./image --fail-on high", "scan an image folder, fail on high and critical findings"),
    ("tidegate scan registry.example/team/app:1.2 --format json", "scan an image where it lies, for a program"),
)


def run(words: list[str]) -> int:
    """Runs a command line through click.

    Raises:
        TidegateError: as the verb raised it, or `UsageError` for what click refuses.
        KeyboardInterrupt: the user broke it off.
    """
    command = Verbs("tidegate", help=_INTRODUCTION, examples=_EXAMPLES, no_args_is_help=True)
    command.params.append(_version_option())
    try:
        status = command.main(args=words, prog_name="tidegate", standalone_mode=False)
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(error.format_message() + "\n")
        return UsageError.exit_status
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "tidegate"
        say(f"{_message(error)}; see {path} --help")
        return UsageError.exit_status
    except click.ClickException as error:
        say(_message(error))
        return UsageError.exit_status
    return status if isinstance(status, int) else 0


class Verbs(ClickVerbs):
    """Looks verbs up in the table, so that help lists them without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the table's order."""
        del ctx
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the verb's module; None when there is no such verb."""
        del ctx
        for verb in VERBS:
            if verb.name == cmd_name:
                command: click.Command = import_module(verb.module).command
                return command
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Completes verbs from the table, without importing any; options as every command does."""
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(it.name, help=it.help) for it in VERBS if it.name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table of verbs."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(verb.name, verb.help) for verb in VERBS])


def _version_option() -> click.Option:
    return click.Option(
        ("-V", "--version"),
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_show_version,
        help="Say the version.",
    )


def _show_version(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        sys.stdout.write(VERSION_LINE)
        context.exit()


def _message(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):
        text = f"no such option {error.option_name}{meant(error.possibilities)}"
    else:
        text = error.format_message().rstrip(".")
    return text[:1].lower() + text[1:]
