# SPDX-License-Identifier: Apache-2.0
"""A host as checks see it."""

from typing import Final

from tidegate.checks.material import Material, Spot, Values
from tidegate.inventory.host import Host, HostFile, HostMount, Listener, Program, RuntimeConfig, WeakProcess

_DATA: Final = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers")
_MODES: Final = (0o600, 0o644, 0o660, 0o700, 0o711, 0o755)


def host_material(host: Host) -> Material:
    """What checks are asked about a host."""
    return Material(
        variables={"host": _host(host)},
        collections={
            "files": [(_file(file), Spot(file.path)) for file in host.files],
            "programs": [(_program(one), Spot(one.name, part=one.place)) for one in host.programs],
            "configs": [(_config(one), Spot(one.place, part=one.name)) for one in host.configs],
            "settings": [
                ({"config": one.name, "name": name, "value": value}, Spot(one.place, part=name))
                for one in host.configs
                for name, value in one.values.items()
            ],
            "listeners": [
                (_listener(one), Spot(f"{one.address}:{one.port}", part=one.program)) for one in host.listeners
            ],
            "mounts": [(_mount(one), Spot(one.point)) for one in host.mounts],
            "weak": [(_weak(one), Spot(one.workload, part=f"{one.program}[{one.pid}]")) for one in host.weak],
        },
        spot=Spot("kernel", part=host.kernel.release),
    )


def _host(host: Host) -> Values:
    own = {mount.point for mount in host.mounts}
    used = {
        path for path in _DATA if any(file.role == "runtime data" and file.path.startswith(path) for file in host.files)
    }
    apart = {path for path in used if any(path == point or path.startswith(f"{point}/") for point in own - {"/"})}
    return {
        "name": host.name,
        "kernel": host.kernel.release,
        "newer_kernel": host.kernel.newest,
        "sysctl": dict(host.kernel.parameters),
        "modules": list(host.kernel.modules),
        "options": list(host.kernel.options),
        "lockdown": host.kernel.lockdown,
        "data_on_root": ", ".join(sorted(used - apart)) if "/" in own else "",
    }


def _file(file: HostFile) -> Values:
    wider = {f"over_{most:o}": bool(file.mode & ~most) for most in _MODES}
    return {
        "path": file.path,
        "role": file.role,
        "mode": f"{file.mode:o}",
        "owner": file.owner,
        "group": file.group,
        "is_roots": file.owner == "root" and file.group == "root",
        **wider,
    }


def _program(program: Program) -> Values:
    return {
        "name": program.name,
        "place": program.place,
        "flags": dict(program.flags),
        "path": program.path,
        "is_replaced": program.is_replaced,
    }


def _config(config: RuntimeConfig) -> Values:
    return {"name": config.name, "place": config.place, "values": dict(config.values)}


def _listener(one: Listener) -> Values:
    return {"address": one.address, "port": one.port, "program": one.program, "is_everywhere": one.is_everywhere}


def _mount(mount: HostMount) -> Values:
    return {"point": mount.point, "kind": mount.kind, "options": list(mount.options)}


def _weak(one: WeakProcess) -> Values:
    return {
        "workload": one.workload,
        "program": one.program,
        "pid": one.pid,
        "of_class": one.of_class,
        "rule": one.rule,
        "demand": one.demand,
        "what": one.what,
    }
