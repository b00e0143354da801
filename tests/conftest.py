# SPDX-License-Identifier: Apache-2.0
"""What all tests share: where the large data set lies, when it is there."""

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from told_events import watch_published

_TESTS = f'File "{Path(__file__).resolve().parent}'
_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        lines = (record.stack_info or "").splitlines()
        own = [line for line, where in zip(lines[1:], lines, strict=False) if _TESTS in where]
        if own and "connection" in own[-1]:
            return  # a test's own transaction, which does what nobody else does in one
        stack = [line for line in lines if "tidegate" in line]
        self.told.append("\n".join([record.getMessage(), *stack[-12:]]))


def pytest_collection_finish() -> None:
    """What is there by now stays: thousands of tests would be gone through whenever garbage is looked for."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def in_the_order_of_locks() -> Iterator[None]:
    """Whatever a test does: transactions of this process take their locks in one order."""
    complaints, log = _Complaints(), logging.getLogger("tidegate.storage.lock_order")
    log.addHandler(complaints)
    yield
    log.removeHandler(complaints)
    assert not complaints.told, complaints.told[0]


@pytest.fixture(autouse=True)
def as_events_promise() -> Iterator[None]:
    """Whatever a test does: what the product tells has the data that is promised for its kind."""
    complaints: list[str] = []
    end = watch_published(complaints.append)
    yield
    end()
    assert not complaints, complaints[0]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The large data set beside the checkout, or where TIDEGATE_TEST_DATA says; skips where it is missing."""
    folder = Path(os.environ.get("TIDEGATE_TEST_DATA", _BESIDE))
    if not (folder / "osv").is_dir():
        pytest.skip(f"the large data set is not at {folder}; set TIDEGATE_TEST_DATA")
    return folder
