# SPDX-License-Identifier: Apache-2.0
"""What the admission webhook costs with 100,000 verdicts loaded: on one core, asked 300 times a second over TLS.

python -m bench webhook

VERDICTS=N loads N, SECONDS=N asks so long. Half of the questions are of the first door (mutate), half of the second.
Server time is the webhook's own figure, from a review's last byte to its answer, read as the upper bound of the bucket.
"""

import asyncio
import gc
import json
import os
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1] / "tests" / "webhook")]

from reviews import patched, pod_review  # noqa: E402 - of the tests

from made_verdicts import Issuer, image_verdict  # noqa: E402 - of the tests
from tidegate.assembly.webhook import leave_alone  # noqa: E402
from tidegate.clock import system_clock  # noqa: E402
from tidegate.execution.gate import GateOptions  # noqa: E402
from tidegate.execution.reviews.break_glass import GlassOptions, Sealer  # noqa: E402
from tidegate.execution.reviews.connect_rules import ConnectRules  # noqa: E402
from tidegate.execution.reviews.desk import Desk, DeskOptions  # noqa: E402
from tidegate.execution.verdicts.judging import LocalJudge  # noqa: E402
from tidegate.execution.verdicts.store import VerdictStore  # noqa: E402
from tidegate.server.webhook.application import answer_review  # noqa: E402
from tidegate.signing.keys import TrustedKeys  # noqa: E402
from webhook_process import WebhookProcess  # noqa: E402 - of the tests

LOADED: Final = int(os.environ.get("VERDICTS", "100000"))
SECONDS: Final = float(os.environ.get("SECONDS", "15"))
RATE: Final = 300
CONNECTIONS: Final = 8
KINDS: Final = 500
"""Different reviews that are asked, over and over."""
Row = dict[str, Any]


def run() -> list[Row]:
    """Measures everything here."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        folder, issuer = Path(name), Issuer()
        issuer.fill(folder / "home" / "webhook", (image_verdict(f"team/app{n}:1", hours=8) for n in range(LOADED)))
        trusted = issuer.save_public(folder / "server.pub")
        began = time.perf_counter()
        with WebhookProcess(folder / "home", trusted) as webhook:
            started = time.perf_counter() - began
            os.sched_setaffinity(webhook.process.pid, {max(os.sched_getaffinity(0))})
            rows = _asked(webhook)
            memory = webhook.peak_bytes() / (1 << 20)
        alone = _alone(folder / "home" / "webhook", issuer)
    return [
        _row(f"webhook: start with {LOADED:,} verdicts, all verified", started, "s", None),
        *rows,
        *alone,
        _row(f"webhook: most memory with {LOADED:,} verdicts", memory, "MiB", 300),
    ]


def _asked(webhook: WebhookProcess) -> list[Row]:
    questions = _questions(webhook)
    asyncio.run(_ask(webhook, questions, 2.0))  # until everything is warm
    before = _buckets(webhook)
    seen = asyncio.run(_ask(webhook, questions, SECONDS))
    after = _buckets(webhook)
    rows = []
    for door in ("mutate", "validate"):
        counts = {bound: after[door][bound] - before[door][bound] for bound in after[door]}
        for share, target in ((0.5, 1.0), (0.99, 5.0)):
            name = f"webhook: {door}, server time at {RATE} reviews/s, p{share * 100:g} at most"
            rows.append(_row(name, _quantile(counts, share) * 1000, "ms", target))
    seen.sort()
    rows.append(_row(f"webhook: as its client sees it, p50 of {len(seen):,}", seen[len(seen) // 2] * 1000, "ms", None))
    rows.append(_row("webhook: as its client sees it, p99", seen[int(len(seen) * 0.99)] * 1000, "ms", None))
    return rows


def _alone(folder: Path, issuer: Issuer) -> list[Row]:
    """The same answers in this process, by its processor time: a figure that a busy machine leaves alone."""
    store = VerdictStore(folder / "verdicts", TrustedKeys.of([issuer.key.verifying]))
    store.load()
    options = DeskOptions(
        cluster="", gate=GateOptions(), exempt=frozenset(), connect=ConnectRules(), glass=GlassOptions()
    )
    desk = Desk(LocalJudge(store=store, clock=system_clock), options, Sealer(b"k", ""), lambda _: None, system_clock)
    rows = [_row(f"webhook: the collector, over {LOADED:,} verdicts that came in, once", _collected(), "ms", 5)]
    spent: dict[str, list[float]] = {"mutate": [], "validate": []}
    for number in range(KINDS * 4):
        review = pod_review(f"registry.example/team/app{number % KINDS * LOADED // KINDS}:1")
        for name, door in (("mutate", desk.mutate), ("validate", desk.validate)):
            raw = json.dumps(review).encode()
            began = time.thread_time()
            content, allowed = answer_review(door, raw)
            spent[name].append(time.thread_time() - began)
            assert allowed, content
            review = patched(review, json.loads(content)["response"])
    for name, seen in spent.items():
        seen.sort()
        for share, target in ((0.5, 1.0), (0.99, 5.0)):
            what = f"webhook: {name}, processor time of one answer, p{share * 100:g}"
            rows.append(_row(what, seen[int(len(seen) * share)] * 1000, "ms", target))
    return rows


def _collected() -> float:
    """Milliseconds of processor time that a whole collection takes after the webhook left alone what is there."""
    gc.collect()
    leave_alone()
    began = time.thread_time()
    gc.collect()
    return (time.thread_time() - began) * 1000


def _questions(webhook: WebhookProcess) -> list[tuple[str, bytes]]:
    found = []
    for number in range(KINDS):
        review = pod_review(f"registry.example/team/app{number * LOADED // KINDS}:1")
        answer = webhook.ask("mutate", review)
        assert answer["allowed"], answer
        second = patched(review, answer)
        answer = webhook.ask("validate", second)
        assert answer["allowed"], answer
        found += [("/mutate", json.dumps(review).encode()), ("/validate", json.dumps(second).encode())]
    return found


async def _ask(webhook: WebhookProcess, questions: list[tuple[str, bytes]], seconds: float) -> list[float]:
    """Asks at the rate, whatever the answers take; seconds of each from when it was due."""
    seen: list[float] = []
    context = ssl.create_default_context(cafile=str(webhook.authority))
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=webhook.url, verify=context, limits=limits, trust_env=False, timeout=600
    ) as client:

        async def one(due: float, door: str, content: bytes) -> None:
            answer = await client.post(door, content=content)
            seen.append(time.perf_counter() - due)
            assert b'"allowed":true' in answer.content

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * RATE)):
                due = began + number / RATE
                if (pause := due - time.perf_counter()) > 0:
                    await asyncio.sleep(pause)
                group.create_task(one(due, *questions[number % len(questions)]))
    return seen


def _buckets(webhook: WebhookProcess) -> dict[str, dict[float, float]]:
    found: dict[str, dict[float, float]] = {"mutate": {}, "validate": {}}
    for line in webhook.http.get("/metrics").text.splitlines():
        if line.startswith("tidegate_webhook_seconds_bucket"):
            door, bound = line.split('door="')[1].split('"')[0], line.split('le="')[1].split('"')[0]
            found[door][float(bound)] = float(line.rpartition(" ")[2])
    return found


def _quantile(counts: dict[float, float], share: float) -> float:
    total = max(counts.values())
    return next(bound for bound, count in sorted(counts.items()) if count >= share * total)


def _row(name: str, value: float, unit: str, target: float | None) -> Row:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "low": None,
        "high": None,
        "reference": None,
        "ratio": None,
        "target": target,
    }
