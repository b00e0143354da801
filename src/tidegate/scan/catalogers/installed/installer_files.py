# SPDX-License-Identifier: Apache-2.0
"""Files that installers of packages write beside what they install: shims, activation scripts, their own notes.

No package lists them. Each is known by its whole content, not by its name: a shim has to be what pnpm writes, line for
line, and say which program it starts; whether that program is some package's is for custody to find out.
"""

import json
import posixpath
import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, InstallerFile
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.installed.activation_lines import is_activation_script

MAX_NOTE_BYTES: Final = 16 * MIB
MAX_SCRIPT_BYTES: Final = MIB

_SHIMS: Final = ".bin"
_ACTIVATION: Final = frozenset(
    (
        *("activate", "activate.csh", "activate.fish", "activate.nu", "activate.bat", "activate.ps1", "Activate.ps1"),
        *("activate.xsh", "activate_this.py", "deactivate.bat", "deactivate.csh", "deactivate.nu", "pydoc.bat"),
    )
)
_PLAIN: Final = rb"[^\s\"'`$\\]{1,4096}"
_SHIM: Final = re.compile(
    rb"#!/bin/sh\nbasedir=\$\(dirname \"\$\(echo \"\$0\" \| sed -e 's,\\\\,/,g'\)\"\)\n\ncase `uname` in\n"
    rb"(?:    \*CYGWIN\*\) basedir=`cygpath -w \"\$basedir\"`;;\n"
    rb"|    \*CYGWIN\*\|\*MINGW\*\|\*MSYS\*\)\n        if command -v cygpath > /dev/null 2>&1; then\n"
    rb"            basedir=`cygpath -w \"\$basedir\"`\n        fi\n    ;;\n)esac\n\n"
    rb"(?:if \[ -z \"\$NODE_PATH\" \]; then\n  export NODE_PATH=\"(?P<search>" + _PLAIN + rb")\"\nelse\n"
    rb"  export NODE_PATH=\"(?P=search):\$NODE_PATH\"\nfi\n)?"
    rb"(?:if \[ -x \"\$basedir/(?P<program>[a-z]{1,16})\" \]; then\n"
    rb"  exec \"\$basedir/(?P=program)\"  \"\$basedir/(?P<target>" + _PLAIN + rb")\" \"\$@\"\nelse\n"
    rb"  exec (?P=program)  \"\$basedir/(?P=target)\" \"\$@\"\nfi\n"
    rb"|\"\$basedir/(?P<direct>" + _PLAIN + rb")\"   \"\$@\"\nexit \$\?\n)"
)
"""What `@zkochan/cmd-shim` writes for pnpm 7 to 11."""
_TAGS: Final = {
    "CACHEDIR.TAG": re.compile(rb"Signature: 8a477f597d28d172789f06886806bc55(?:\n#[^\n]*)*\n?"),
    ".gitignore": re.compile(rb"(?:#[^\n]*\n)?\*\n?"),
}
"""Files that keep a virtual environment out of backups and version control."""
_PYVENV_KEYS: Final = frozenset(
    (
        *("home", "include-system-site-packages", "version", "version_info", "executable", "command", "prompt"),
        *("implementation", "virtualenv", "base-prefix", "base-exec-prefix", "base-executable", "python-version"),
        *("uv", "seed", "relocatable", "extends-environment"),
    )
)
_NOTES: Final = {
    ".package-lock.json": ("npm", ("lockfileVersion", "packages")),
    ".yarn-integrity": ("yarn", ("systemParams", "lockfileEntries")),
    ".pnpm-workspace-state.json": ("pnpm", ("lastValidatedTimestamp",)),
    ".pnpm-workspace-state-v1.json": ("pnpm", ("lastValidatedTimestamp",)),
}
"""JSON documents in `node_modules`: who writes them, and what they have to say."""
_YAML_NOTES: Final = {
    "node_modules/.modules.yaml": (
        "pnpm",
        re.compile(rb"^['\"]?(?:layoutVersion|virtualStoreDir)['\"]?:", re.MULTILINE),
    ),
    "node_modules/.pnpm/lock.yaml": ("pnpm", re.compile(rb"\Alockfile[vV]ersion:", re.MULTILINE)),
    "node_modules/.yarn-state.yml": ("yarn", re.compile(rb"^__metadata:\n", re.MULTILINE)),
}


class InstallerFilesCataloger:
    """Recognises what npm, pnpm, yarn, venv, virtualenv and uv write for themselves."""

    name = "installer-files"
    version = 1
    wants = Wants(
        names=frozenset({*_ACTIVATION, *_NOTES, ".modules.yaml", "lock.yaml", ".yarn-state.yml", "pyvenv.cfg", *_TAGS}),
        folder_names=frozenset({_SHIMS}),
        max_bytes=MAX_NOTE_BYTES,
    )

    def accepts(self, path: str) -> bool:
        """True for shims in `.bin`, notes in `node_modules`, and scripts in a folder of programs."""
        folder, _, base = path.rpartition("/")
        inner = folder.rpartition("/")[2]
        if base in _ACTIVATION:
            return inner in {"bin", "Scripts", _SHIMS}
        if base in _NOTES:
            return inner == "node_modules"
        if base in {"lock.yaml", ".modules.yaml", ".yarn-state.yml"}:
            return path.endswith(tuple(_YAML_NOTES))
        return base in {"pyvenv.cfg", *_TAGS} or inner == _SHIMS

    def catalog(self, file: ImageFile) -> FileFacts:
        """Says who wrote a file; nothing of one that is not just as they write it."""
        return FileFacts(path=file.path, cataloger=self.name, installer=_recognised(file.path, file.content))


def _recognised(path: str, content: bytes) -> InstallerFile | None:
    folder, _, base = path.rpartition("/")
    inner = folder.rpartition("/")[2]
    if base in _NOTES or path.endswith(tuple(_YAML_NOTES)):
        return _note(path, base, content)
    if len(content) > MAX_SCRIPT_BYTES:
        return None
    if inner == _SHIMS:
        return _shim(folder, content)
    if base in _ACTIVATION:
        return InstallerFile(maker="venv", root=folder.rpartition("/")[0]) if is_activation_script(content) else None
    is_known = _is_pyvenv(content) if base == "pyvenv.cfg" else _TAGS[base].fullmatch(content)
    return InstallerFile(maker="venv", root=folder) if is_known else None


def _note(path: str, base: str, content: bytes) -> InstallerFile | None:
    if base in _NOTES:
        maker, keys = _NOTES[base]
        return InstallerFile(maker=maker) if _has_keys(content, keys) else None
    maker, mark = next(row for place, row in _YAML_NOTES.items() if path.endswith(place))
    return InstallerFile(maker=maker) if _is_yaml_note(content, mark) else None


def _shim(folder: str, content: bytes) -> InstallerFile | None:
    found = _SHIM.fullmatch(content)
    if found is None or found["program"] not in {
        None,
        b"node",
        b"sh",
        b"bash",
        b"python",
        b"python3",
        b"ruby",
        b"perl",
    }:
        return None
    try:
        target = (found["target"] or found["direct"]).decode()
    except UnicodeDecodeError:
        return None
    leads_to = posixpath.normpath(f"{folder}/{target}")
    return None if leads_to.startswith("..") else InstallerFile(maker="pnpm", leads_to=leads_to)


def _is_pyvenv(content: bytes) -> bool:
    lines = [line for line in content.decode(errors="replace").splitlines() if line.strip()]
    keys = {line.partition("=")[0].strip().lower() for line in lines}
    return "home" in keys and all("=" in line for line in lines) and keys <= _PYVENV_KEYS


def _is_yaml_note(content: bytes, mark: re.Pattern[bytes]) -> bool:
    """The notes of pnpm were YAML first, and are JSON since its eleventh version."""
    return b"\0" not in content and (mark.search(content) is not None or _has_keys(content, ("layoutVersion",)))


def _has_keys(content: bytes, keys: tuple[str, ...]) -> bool:
    text = content.strip()
    if text.startswith(b"#"):  # yarn writes a remark above its own
        return False
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and all(key in document for key in keys)
