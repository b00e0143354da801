# SPDX-License-Identifier: Apache-2.0
"""One run of the command: what every verb shares, from `--quiet` to the settings."""

import sys
from pathlib import Path

from tidegate.cli.failures import say
from tidegate.settings import Settings
from tidegate.settings.load import load


class Call:
    """What was asked of all verbs alike. One is made for each run and handed to the verb.

    Attributes:
        quiet: say nothing but errors.
        verbose: how many `-v`: 1 tells what is done, 2 tells everything.
        debug: show tracebacks.
        config: the settings file named on the command line.
        home: the folder named on the command line.
    """

    def __init__(self) -> None:
        self.quiet = False
        self.verbose = 0
        self.debug = False
        self.config: Path | None = None
        self.home: Path | None = None
        self._settings: Settings | None = None

    def settings(self, **flags: object) -> Settings:
        """The settings, loaded on first use; sets logging up as they say.

        Args:
            flags: values of the verb's own options by key, `__` for a dot: `scan__workers=2`.

        Raises:
            UsageError: a setting is unknown or does not fit.
        """
        if self._settings is None:
            given: dict[str, object] = {name.replace("__", "."): value for name, value in flags.items()}
            settings = load({"home": self.home, **given}, config=self.config)
            self._set_up_logging(settings)
            self._settings = settings
        return self._settings

    def note(self, text: str) -> None:
        """Tells the user something on standard error, unless told to be quiet."""
        if not self.quiet:
            say(text)

    def ask(self, text: str) -> None:
        """Tells the user what to do now; nothing goes on until it is done, so `--quiet` does not silence it."""
        say(text)

    def warn(self, text: str) -> None:
        """Tells the user of something that may change what the result means; `--quiet` does not silence it."""
        say(f"warning: {text}")

    @property
    def shows_progress(self) -> bool:
        """True when a person watches standard error."""
        return not self.quiet and sys.stderr.isatty()

    def _set_up_logging(self, settings: Settings) -> None:
        from tidegate.telemetry import set_up_logging

        level = {0: settings.logging.level, 1: "info"}.get(self.verbose, "debug")
        set_up_logging(sys.stderr, level="error" if self.quiet else level, form=settings.logging.form)
