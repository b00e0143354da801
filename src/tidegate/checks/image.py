# SPDX-License-Identifier: Apache-2.0
"""An image as checks see it: its configuration, the history of its build, and what its files tell."""

import re
from collections.abc import Iterator
from typing import Final

from tidegate.artifact import ImageConfig
from tidegate.artifact.build_instruction import build_instruction
from tidegate.artifact.image_config import HistoryEntry
from tidegate.checks.image_name import split_image
from tidegate.checks.material import Material, Spot, Values
from tidegate.checks.secret_name import is_secret_name, looks_empty
from tidegate.checks.shell import commands_of
from tidegate.inventory import Census, Inventory

MAX_STEPS: Final = 2000
"""Steps of the history that are looked at."""
BASE_NAME: Final = "org.opencontainers.image.base.name"
"""OCI image-spec 1.1 `annotations.md`; builders write it as a label as well."""

_ARGUMENT: Final = re.compile(r"(?:^| )([A-Za-z_]\w*)=")
_PORT: Final = re.compile(r"(\d{1,5})(?:/(\w+))?")


def image_material(inventory: Inventory) -> Material | None:
    """What checks are asked about an image; None for files without an image around them."""
    config = inventory.config
    if config is None:
        return None
    steps = [*_steps(config.history[:MAX_STEPS])]
    census = inventory.census or Census()
    return Material(
        variables={"image": _image(inventory, config, census)},
        collections={
            "ports": [(_port(text), Spot("EXPOSE")) for text in config.exposed_ports],
            "environment": [_variable(text) for text in config.env],
            "steps": steps,
            "setuid": [_file(path) for path in census.setuid],
            "world_writable": [_file(path) for path in census.world_writable],
        },
        spot=Spot("image configuration"),
    )


def _image(inventory: Inventory, config: ImageConfig, census: Census) -> Values:
    base = inventory.annotations.get(BASE_NAME) or config.labels.get(BASE_NAME, "")
    repository, tag, _ = split_image(base)
    return {
        "name": inventory.name,
        "user": config.user,
        "runs_as_root": config.runs_as_root,
        "has_healthcheck": config.has_healthcheck,
        "entrypoint": list(config.entrypoint),
        "cmd": list(config.cmd),
        "start_form": _start_form(config),
        "stop_signal": config.stop_signal,
        "working_dir": config.working_dir,
        "labels": {str(key): str(value) for key, value in config.labels.items()},
        "layers": len(inventory.layers),
        "volumes": list(config.volumes),
        "base": repository,
        "base_tag": tag,
        "has_files": inventory.census is not None,
        "shells": list(census.shells),
        "package_managers": list(census.package_managers),
        "setuid": list(census.setuid),
        "os": inventory.os_release.id if inventory.os_release else "",
    }


def _start_form(config: ImageConfig) -> str:
    """`shell` when a shell stands between the runtime and the program, `exec`, or `none` for nothing to start."""
    words = config.entrypoint or config.cmd
    if not words:
        return "none"
    is_shell = words[0].rpartition("/")[2] in {"sh", "bash", "ash", "dash"} and words[1:2] == ("-c",)
    return "shell" if is_shell else "exec"


def _port(text: str) -> Values:
    found = _PORT.match(text)
    number = int(found[1]) if found else 0
    return {"number": number, "protocol": (found[2] or "tcp").lower() if found else "", "text": text}


def _variable(text: str) -> tuple[Values, Spot]:
    name, _, value = text.partition("=")
    values = {
        "name": name,
        "value": value,
        "is_secret_name": is_secret_name(name),
        "looks_empty": looks_empty(value),
    }
    return values, Spot(f"ENV {name}")


def _steps(history: tuple[HistoryEntry, ...]) -> Iterator[tuple[Values, Spot]]:
    for number, entry in enumerate(history, 1):
        told = build_instruction(entry)
        keyword = told.keyword or "RUN"  # a builder that names only itself ran something
        values = {
            "number": number,
            "text": told.rest,
            "keyword": keyword,
            "commands": commands_of(told.rest) if keyword == "RUN" else [],
            "is_empty": entry.empty_layer,
            "secrets": _secrets(told.rest if keyword == "ARG" else told.arguments),
        }
        yield values, Spot(f"history {number}")


def _secrets(told: str) -> list[str]:
    """Build arguments of a step that are named like secrets and have a value."""
    starts = [*_ARGUMENT.finditer(told)]
    ends = [*(one.start() for one in starts[1:]), len(told)]
    return [
        one[1]
        for one, end in zip(starts, ends, strict=False)
        if is_secret_name(one[1]) and not looks_empty(told[one.end() : end])
    ]


def _file(path: str) -> tuple[Values, Spot]:
    return {"path": path, "name": path.rpartition("/")[2]}, Spot(path)
