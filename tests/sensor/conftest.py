# SPDX-License-Identifier: Apache-2.0
"""Real containers for the sensor's tests: podman with a root of this machine's own programs."""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pytest

sys.path.append(str(Path(__file__).parents[1] / "server"))
from node import RULES, Podman, Sensor

from tidegate.errors import OutsideError
from tidegate.sensor.fanotify import Fanotify


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who waits for the node may wait for all the others."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(autouse=True, scope="module")
def alone_on_the_node() -> Iterator[None]:
    """One file of these tests at a time on this machine: a sensor watches all of it, the containers of others too."""
    with (Path(gettempdir()) / "tidegate-tests-of-sensors.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    for program in ("podman", "runc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install {program}")
    try:
        Fanotify().close()
    except OutsideError as error:
        pytest.skip(str(error))
    with TemporaryDirectory(prefix="tg-", dir="/tmp") as folder:  # podman takes no long name
        made = Podman(Path(folder))
        yield made
        made.clear()


@pytest.fixture(scope="module")
def sensor(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sensor]:
    assert podman.image
    running = Sensor(tmp_path_factory.mktemp("sensor"), RULES)
    yield running
    assert running.end() == 0
