# SPDX-License-Identifier: Apache-2.0
"""Samples of what checks object to and what they do not, read from `samples/*.yaml`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tidegate.artifact import Digest
from tidegate.artifact.image_config import parse_image_config
from tidegate.checks.check import own_checks
from tidegate.checks.documents import check_document
from tidegate.checks.host import host_material
from tidegate.checks.kept import check_image
from tidegate.checks.run import run_checks
from tidegate.evidence import Misconfiguration
from tidegate.inventory import Census, Inventory
from tidegate.inventory.host import Host
from tidegate.wire import from_builtins

FOLDER = Path(__file__).parent / "samples"
SUBJECTS = ("image", "dockerfile", "compose", "kubernetes", "host")
_FILES = {"dockerfile": "Dockerfile", "compose": "compose.yaml", "kubernetes": "manifest"}
_KINDS = {"dockerfile": "dockerfile", "compose": "compose", "kubernetes": "manifest"}


@dataclass(frozen=True)
class Sample:
    """One sample: what it is of, what it says, and where the check objects (None: nowhere)."""

    check: str
    subject: str
    told: Any
    at: object

    def findings(self) -> list[Misconfiguration]:
        """What this check says of it."""
        of = {"image": _image, "host": _host}
        found = of[self.subject](self.told) if self.subject in of else self._document()
        return [one for one in found if one.id == self.check]

    @property
    def is_placed_by_name(self) -> bool:
        """Objections to it name a part of it, those to documents a line."""
        return self.subject in {"image", "host"}

    def _document(self) -> list[Misconfiguration]:
        raw = document_of(self.subject, self.told).encode()
        return check_document(raw, path=_FILES[self.subject], kind=_KINDS[self.subject]) or []


@cache
def samples() -> tuple[Sample, ...]:
    """All of them."""
    made: list[Sample] = []
    for subject in SUBJECTS:
        document = yaml.safe_load((FOLDER / f"{subject}.yaml").read_text())
        for check, told in document.items():
            made += [Sample(check, subject, one, _place(subject, one)) for one in told["bad"]]
            made += [Sample(check, subject, one, None) for one in told["good"]]
    return tuple(made)


def document_of(subject: str, told: Any) -> str:
    """A sample's whole document."""
    if isinstance(told, str):
        told = {"text": told}
    if "text" in told:
        text = str(told["text"])
        return text if subject != "dockerfile" or "FROM " in text else f"FROM a:1\n{text}"
    if subject == "compose":
        return "services:\n  web: " + json.dumps(told["service"])
    if "object" in told:
        return yaml.safe_dump(told["object"], default_flow_style=True, width=100_000)
    head = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n"
    if "pod" in told:
        return head + "spec: " + json.dumps(told["pod"])
    return head + "spec:\n  containers:\n    - " + json.dumps({"name": "c", **told["container"]})


def _place(subject: str, told: Any) -> object:
    if "at" in told:
        return told["at"]
    if subject == "host":
        return _host_place(told)
    return next(line for key, line in (("service", 2), ("container", 7), ("pod", 1), ("object", 1)) if key in told)


def _image(told: Any) -> tuple[Misconfiguration, ...]:
    document = {
        "os": "linux",
        "architecture": "amd64",
        "config": told.get("config", {}),
        "history": [{"created_by": one} for one in told.get("history", ())],
    }
    census = from_builtins(told["census"], Census, what="census") if "census" in told else None
    inventory = Inventory(
        digest=Digest("sha256:" + "0" * 64),
        name="sample",
        layers=(),
        components=(),
        config=parse_image_config(json.dumps(document).encode()),
        census=census,
    )
    return check_image(inventory)


def _host(told: Any) -> list[Misconfiguration]:
    kernel = {
        "parameters": told.get("sysctl", {}),
        "modules": told.get("modules", []),
        "options": told.get("options", []),
        "newest": told.get("newest", ""),
    }
    files = (
        [{"owner": "root", "group": "root", **told["file"], "mode": int(told["file"]["mode"], 8)}]
        if "file" in told
        else []
    )
    document = {
        "kernel": kernel,
        "files": files,
        "programs": [told["program"]] if "program" in told else [],
        "configs": [told["config"]] if "config" in told else [],
        "listeners": [told["listener"]] if "listener" in told else [],
        "weak": [told["weak"]] if "weak" in told else [],
        "mounts": [told["mount"]] if "mount" in told else told.get("mounts", []),
    }
    return run_checks(own_checks("host"), host_material(from_builtins(document, Host, what="host")))


def _host_place(told: Any) -> str:
    keys = {"file": "path", "program": "name", "config": "place", "mount": "point", "weak": "workload"}
    if "listener" in told:
        return f"{told['listener']['address']}:{told['listener']['port']}"
    return next((str(told[word][key]) for word, key in keys.items() if word in told), "kernel")
