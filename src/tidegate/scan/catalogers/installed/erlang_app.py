# SPDX-License-Identifier: Apache-2.0
"""Erlang and Elixir applications: the resource file `ebin/NAME.app` (app(4)), a term that is read, never run."""

import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest

MAX_APP_BYTES: Final = MIB

_OF_OTP: Final = frozenset((
    "asn1", "common_test", "compiler", "crypto", "debugger", "dialyzer", "diameter", "edoc", "eldap", "elixir", "eex",
    "erl_docgen", "erl_interface", "erts", "et", "eunit", "ex_unit", "ftp", "hipe", "iex", "inets", "jinterface",
    "kernel", "logger", "megaco", "mix", "mnesia", "observer", "odbc", "os_mon", "parsetools", "public_key",
    "reltool", "runtime_tools", "sasl", "snmp", "ssh", "ssl", "stdlib", "syntax_tools", "tftp", "tools", "wx",
    "xmerl",
))  # fmt: skip
"""Applications of the Erlang and Elixir distributions themselves."""
_HEAD: Final = re.compile(r"\{\s{0,100}application\s{0,100},\s{0,100}'?([a-z][A-Za-z0-9_@]{0,200})'?\s{0,100},")
_VERSION: Final = re.compile(r'\{\s{0,100}vsn\s{0,100},\s{0,100}"([^"\\\s]{1,200})"\s{0,100}\}')


class ErlangAppCataloger:
    """Reads applications of Erlang releases and of OTP itself.

    A release does not say where an application came from: those of OTP and Elixir are known by name (`pkg:otp`), all
    others are told as packages of Hex, whose names they bear.
    """

    name = "erlang-app"
    version = 1
    wants = Wants(suffixes=frozenset({".app"}), max_bytes=MAX_APP_BYTES)

    def accepts(self, path: str) -> bool:
        """True in a folder `ebin`."""
        return path.rpartition("/")[0].rpartition("/")[2] == "ebin"

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one application.

        Raises:
            InvalidInputError: its version is malformed.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        text = "\n".join(line.partition("%%")[0] for line in file.content.decode(errors="replace").splitlines())
        head, version = _HEAD.search(text), _VERSION.search(text)
        if head and version:
            kind = PackageKind.OTP if head[1] in _OF_OTP else PackageKind.HEX
            harvest.add(Package(kind=kind, name=head[1], version=Version(version[1])))
        elif head is None:
            harvest.defect("no Erlang application in it")
        return harvest.facts()
