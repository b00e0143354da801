# SPDX-License-Identifier: Apache-2.0
"""One step of an image's history as the build instruction it tells of, in the words of whichever builder wrote it.

Docker's classic builder and buildah write `/bin/sh -c #(nop) COPY …` and `/bin/sh -c …` for RUN; BuildKit and kaniko
write the instruction itself, BuildKit with `# buildkit` behind it. Build arguments stand before a RUN as `|2 A=b C=d`.
Others (ko, jib, bazel, apko) name only themselves.
"""

import re
from typing import Final

from tidegate.artifact.image_config import HistoryEntry
from tidegate.values import Struct

MAX_INSTRUCTION_CHARS: Final = 4_096
"""Characters of a step that are looked at."""

KEYWORDS: Final = frozenset(
    (
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
        *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    )
)
"""Instructions of a Dockerfile."""

_BEHIND: Final = re.compile(r"\s*# (?:buildkit|debuerreotype.*)$")
_NOP: Final = re.compile(r"(?:/bin/sh -c |cmd /S /C |powershell .{0,200}?)?#\(nop\)\s*")
_WINDOWS: Final = ("cmd /S /C ", "powershell ")
_SHELL: Final = re.compile(
    r"(?:RUN )?(?:\|\d{1,4} (?P<arguments>.*?) ?)?"
    r"(?:(?:/usr)?/bin/(?:ba|a|da|z)?sh (?:-[a-z]+ (?:pipefail )?){0,4}?-[a-z]*c |cmd /S /C )"
)
_RAN: Final = re.compile(r"\|\d{1,4} ", re.ASCII)


class BuildInstruction(Struct, frozen=True, kw_only=True):
    """What one step says.

    Attributes:
        keyword: in capitals; `RUN` for what a shell ran; "" for a builder that names only itself.
        text: all of it, without the marks that builders put around it, on one line.
        rest: what follows the keyword; of a RUN, what its shell ran.
        arguments: build arguments of a RUN, as written: `A=b C=d`.
    """

    keyword: str
    text: str
    rest: str
    arguments: str = ""


def build_instruction(entry: HistoryEntry) -> BuildInstruction:
    """Reads one step of a history."""
    told = _BEHIND.sub("", entry.created_by[:MAX_INSTRUCTION_CHARS].strip())
    line = " ".join(told.split())
    nop = _NOP.match(told)
    bare = told[nop.end() :] if nop else told
    keyword, _, rest = bare.partition(" ")
    if keyword.upper() in KEYWORDS and keyword.upper() != "RUN" and (nop or keyword.isupper()):
        return BuildInstruction(keyword=keyword.upper(), text=" ".join(bare.split()), rest=rest.strip())
    shell = _SHELL.match(told)
    if shell or keyword == "RUN" or _RAN.match(told) or told.startswith(_WINDOWS):
        command = told[shell.end() :] if shell else told.removeprefix("RUN ")
        arguments = (shell["arguments"] or "") if shell else ""
        text = line if keyword == "RUN" else f"RUN {line}"
        return BuildInstruction(keyword="RUN", text=text, rest=command.strip(), arguments=arguments)
    return BuildInstruction(keyword="", text=" ".join(bare.split()), rest=bare.strip())
