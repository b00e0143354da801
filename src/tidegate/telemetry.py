# SPDX-License-Identifier: Apache-2.0
"""Logging, set up by doors alone: one line of text for people, one JSON object a line for machines, never a secret."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Final, TextIO

from tidegate.bounds import printable

_REDACTED: Final = "[redacted]"
_SECRETS: Final = (
    (re.compile(r"(?i)\b(authorization\W{1,4}(?:basic|bearer|token)?\s*)[^\s'\",;]+"), rf"\1{_REDACTED}"),
    (re.compile(r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{_REDACTED}"),
    (
        re.compile(
            r"(?i)\b((?:access_|refresh_|id_)?token|password|passwd|secret|api_?key|client_secret|signature)"
            r"([\"']?\s*[=:]\s*[\"']?)[^\s&'\",;}]+"
        ),
        rf"\1\2{_REDACTED}",
    ),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@"), rf"\1{_REDACTED}@"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), _REDACTED),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), _REDACTED),
)


def set_up_logging(stream: TextIO, *, level: str = "warning", form: str = "auto") -> logging.Handler:
    """Sends the log of all of tidegate to one stream; a second call takes the place of the first.

    Args:
        stream: where to, most often standard error.
        level: least severity told: `debug`, `info`, `warning` or `error`.
        form: `text`, `json`, or `auto`: text when the stream is a terminal.

    Returns:
        The handler, for those who must take it away again.
    """
    as_text = form == "text" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines() if as_text else JsonLines())
    logger = logging.getLogger("tidegate")
    for old in [*logger.handlers]:
        logger.removeHandler(old)
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    logger.propagate = False
    return handler


def redact(text: str) -> str:
    """Takes credentials out of a text: authorization headers, tokens and passwords in parameters, userinfo in URLs."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class TextLines(logging.Formatter):
    """`12:00:01 warning registry: message`, one line whatever the message holds."""

    def format(self, record: logging.LogRecord) -> str:
        """Writes one record."""
        when = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        room = record.name.removeprefix("tidegate").strip(".") or "tidegate"
        return f"{when} {record.levelname.lower()} {room}: {printable(_message(record))}"


class JsonLines(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and `error` for a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Writes one record."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            told["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(told, ensure_ascii=True)


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        text = f"{text}: {type(error).__name__}: {error}"
    return redact(text)
