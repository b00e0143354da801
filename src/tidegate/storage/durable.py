# SPDX-License-Identifier: Apache-2.0
"""Durable work: functions that finish once they were asked for, whatever is killed on the way.

The one place that knows DBOS. A piece of work has a name and a key; asking twice for the same key is asking once.
Its steps are remembered as they end, so a process that was killed goes on in the step it was in: a step may run twice
and must therefore be idempotent. What is in flight belongs to an executor id and is taken up when that id starts again.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Protocol, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID, StepOptions
from dbos._queue import queue_worker_thread

from tidegate.errors import OutsideError
from tidegate.storage.queue_alarm import QueueAlarm

T = TypeVar("T")
_QUEUE = "work"
_KNOWS_SUBSECONDS = (3, 42)
_POOL_SIZE = 6
_STEP_ATTEMPTS = 4
_RETRY_SECONDS = 1.0  # doubled each time
_LEAVE_SECONDS = 10.0


class Steps(Protocol):
    """Hands a piece of work the means to divide itself."""

    def run(self, name: str, function: Callable[..., T], *arguments: Any) -> T:
        """Runs a step, or returns what it returned before the process was killed.

        What failed outside (`OutsideError`) is tried again, at most four times in all. Arguments and result must be
        plain: strings, numbers, lists and dicts of them, None.
        """
        ...


Work = Callable[[Steps, str], str]
"""A piece of work: takes its steps and one argument (most often a digest), returns a word for the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableOptions:
    """How durable work runs.

    Attributes:
        database_url: SQLAlchemy URL of the engine's own tables, which on PostgreSQL have a schema of their own.
        executor_id: no two servers that live have the same; what one left in flight it takes up when it starts again.
        workers: pieces of work at a time.
        apart: works with a queue of their own, each with how many pieces at a time; they hold up no others.
        look_seconds: between two looks at a queue for what others put there; what was put there here is seen at once.
        max_attempts: how often a piece of work is taken up again after a kill before it is left for a person.
    """

    database_url: str
    executor_id: str
    workers: int = 2
    apart: Mapping[str, int] = field(default_factory=dict)
    look_seconds: float = 1.0
    max_attempts: int = 50


class DurableWork:
    """Runs registered work from a queue. One per process: the engine underneath is process-wide."""

    def __init__(self, options: DurableOptions, works: Mapping[str, Work]) -> None:
        self._options = options
        logging.getLogger("dbos").setLevel(logging.ERROR)
        config = DBOSConfig(
            name="tidegate",
            system_database_url=options.database_url,
            db_engine_kwargs=_engine_arguments(options.database_url),
            executor_id=options.executor_id,
            application_version="1",
            log_level="ERROR",
            console_log_level="ERROR",
        )
        self._engine = DBOS(config=config)
        # The engine looks at each of its queues by time only; ours have workers that can be woken.
        DBOS.listen_queues([])
        self._alarms = {queue: QueueAlarm(options.look_seconds) for queue in (_QUEUE, *options.apart)}
        self._workers: list[Thread] = []
        self._entries = {name: self._entry(name, work) for name, work in works.items()}

    def start(self) -> None:
        """Starts the workers and takes up what an earlier process with this executor id left unfinished."""
        DBOS.launch()
        for queue, workers in {_QUEUE: self._options.workers, **self._options.apart}.items():
            registered = DBOS.register_queue(
                queue,
                worker_concurrency=workers,
                polling_interval_sec=self._options.look_seconds,
                on_conflict="always_update",
            )
            alarm = self._alarms[queue]
            alarm.ring()
            arguments = (alarm, self._engine, registered)
            worker = Thread(target=queue_worker_thread, args=arguments, name=f"{queue} queue", daemon=True)
            worker.start()
            self._workers.append(worker)

    def submit(self, name: str, key: str, argument: str) -> None:
        """Asks for a piece of work; durable when this returns. The same key again changes nothing."""
        queue = self._queue_of(name)
        with SetWorkflowID(f"{name}:{key}"):
            DBOS.enqueue_workflow(queue, self._entries[name], argument)
        self._alarms[queue].ring()

    def unfinished(self) -> int:
        """Pieces of work that are queued or running."""
        return len(DBOS.list_workflows(status=["ENQUEUED", "PENDING"], load_input=False, load_output=False))

    def failed(self) -> list[str]:
        """Keys of work that ended in an error or was given up after too many attempts."""
        states = ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
        return [item.workflow_id for item in DBOS.list_workflows(status=states, load_input=False, load_output=False)]

    def abandoned(self, living: set[str]) -> set[str]:
        """Executors that have work in flight and are not among those that live."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return {item.executor_id for item in pending if item.executor_id} - living

    def adopt(self, executors: set[str]) -> None:
        """Takes up what executors that are gone left in flight; again, or by two replicas at once, is harmless."""
        # The engine's own service for this is a paid one; its way to recover named executors has no public name.
        DBOS._recover_pending_workflows(sorted(executors))  # noqa: SLF001
        for alarm in self._alarms.values():
            alarm.ring()

    def stop(self) -> None:
        """Stops the workers; what is in flight goes on at the next start."""
        for alarm in self._alarms.values():
            alarm.set()
        for worker in self._workers:
            worker.join(_LEAVE_SECONDS)
        DBOS.destroy(destroy_registry=True)

    def _queue_of(self, name: str) -> str:
        return name if name in self._options.apart else _QUEUE

    def _entry(self, name: str, work: Work) -> Callable[[str], str]:
        alarm = self._alarms[self._queue_of(name)]

        def entry(argument: str) -> str:
            alarm.begins()
            try:
                return work(_EngineSteps(), argument)
            finally:
                alarm.ends()

        return DBOS.workflow(name=name, max_recovery_attempts=self._options.max_attempts)(entry)


class _OlderSQLite(sqlite3.Connection):
    """Knows `unixepoch('subsec')`, which the engine's tables ask for and SQLite itself knows from 3.42 on only."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.create_function("unixepoch", -1, lambda *_: time.time())


def _engine_arguments(url: str) -> dict[str, Any]:
    if not url.startswith("sqlite"):
        return {"pool_size": _POOL_SIZE, "max_overflow": _POOL_SIZE, "pool_pre_ping": True}
    older = sqlite3.sqlite_version_info < _KNOWS_SUBSECONDS
    return {"connect_args": {"factory": _OlderSQLite}} if older else {}


class _EngineSteps:
    def run(self, name: str, function: Callable[..., T], *arguments: Any) -> T:
        options = StepOptions(
            name=name,
            retries_allowed=True,
            max_attempts=_STEP_ATTEMPTS,
            interval_seconds=_RETRY_SECONDS,
            should_retry=lambda error: isinstance(error, OutsideError),
        )
        return DBOS.run_step(options, function, *arguments)
