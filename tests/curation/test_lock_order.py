# SPDX-License-Identifier: Apache-2.0
"""Transactions that meet take their locks in one order: pairs of them run against each other on a real PostgreSQL.

A deadlock would end one of two with an error. The order itself is watched in every test of this suite (`conftest.py`);
here those that met in a circle before, and those that share the most, are made to meet.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import timedelta
from threading import Barrier
from typing import Any, cast

import pytest
from admitting_gate import admitting_gate
from cryptography.hazmat.primitives.asymmetric import ec
from keeping_stand import APP, NOW, OTHER, Stand, postgres, stand_on
from sqlalchemy import text

from postgres_server import emptied
from tidegate.artifact import Digest, Reference, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation.change import Act, Wish, change_state
from tidegate.curation.consumer import Consumer
from tidegate.curation.encryption.copy_wish import CopyWish
from tidegate.curation.encryption.encrypting import Encrypting
from tidegate.curation.intake.entry import Entry, ask, write
from tidegate.curation.intake.internal_base import InternalBase
from tidegate.curation.intake.taking_in import Intake
from tidegate.curation.keeping.collector import Collector
from tidegate.curation.states import State
from tidegate.curation.tag_rules import NO_TAG_RULES
from tidegate.curation.vending.carrying import Vending
from tidegate.curation.vending.promotion import Promotion
from tidegate.curation.workflow import Curation
from tidegate.errors import OutsideError, TidegateError
from tidegate.events import Event, EventKind
from tidegate.identity import account, tenancy
from tidegate.loops.base_moved import BaseRenewal
from tidegate.oci.encryption.keys import DecryptionKey
from tidegate.storage.database import Database
from tidegate.values import replace
from tidegate.wire import to_json

__all__ = ["postgres"]
ROUNDS = 12
DAY = timedelta(days=1)
GATE = admitting_gate()
ANNA = Consumer(name="anna")
ActOfOne = Callable[[int], object]


@pytest.fixture
def stand(postgres: str, tmp_path: Any) -> Iterator[Stand]:
    emptied(postgres)
    database = Database(postgres)
    with database.begin() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f'ALTER DATABASE "{name}" SET deadlock_timeout = 100'))
    database.close()
    with stand_on(postgres, tmp_path) as made:
        yield made


def meet(*acts: ActOfOne, rounds: int = ROUNDS) -> None:
    """Runs acts at the same moment, again and again; what they refuse is theirs to, a failing database is not."""
    together = Barrier(len(acts), timeout=240)

    def run(act: ActOfOne) -> None:
        for number in range(rounds):
            together.wait()
            try:
                act(number)
            except OutsideError:
                together.abort()
                raise
            except TidegateError:
                pass

    with ThreadPoolExecutor(len(acts)) as threads:
        running = [threads.submit(run, act) for act in acts]
    errors = [error for one in running if (error := one.exception()) is not None]
    first = next((error for error in errors if isinstance(error, OutsideError)), None)
    assert not errors, first or errors[0]


def curation(stand: Stand) -> Curation:
    return Curation(
        database=stand.database,
        blobs=stand.store,
        shelf=stand.shelf,
        gate=GATE,
        scan=lambda _: pytest.fail("nothing is scanned here"),
        report=lambda *_: pytest.fail("there is no inventory"),
        remember=lambda *_: None,
        knowledge=lambda: None,
        clock=stand.clock,
    )


def vending(stand: Stand) -> Vending:
    return Vending(
        database=stand.database,
        shelf=stand.shelf,
        blobs=stand.blobs,
        gate=GATE,
        pusher=lambda _: nullcontext(cast("Any", None)),
        tag_rules=NO_TAG_RULES,
        registries=(),
        clock=stand.clock,
    )


def admitted(stand: Stand, name: str, tag: str) -> Digest:
    layer = stand.blob(f"layer of {name}".encode())
    config = stand.blob(to_json({"name": name, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}))
    parts: dict[str, object] = {"config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}
    digest = stand.put(parts, mt.OCI_MANIFEST, tag)
    judging = curation(stand)
    judging.begin(digest)
    assert judging.decide(digest, "") == State.ADMITTED
    return digest


def promote(stand: Stand, digest: Digest, target: str, tag: str = "") -> None:
    wish = Promotion(digest=digest, source=APP, target=target, tag=tag, who="anna", why="release")
    vending(stand).promote_here(wish)


def renewing(stand: Stand) -> Callable[[Digest], None]:
    """The renewal of a base in `APP`, called with what its upstream means now."""
    base = InternalBase(
        name="debian", source=Reference.parse("registry.test/debian:12"), repository=APP, tag=Tag("base")
    )
    renewal = BaseRenewal(
        stand.database, lambda: [base], cast("Intake", None), stand.store, GATE, NO_TAG_RULES, stand.clock
    )
    handle = renewal.consumer().handle
    entry = Entry(repository=APP, locator="base", upstream="test", source=str(base.source), who="test", digest="")
    with stand.database.begin() as connection:
        entry, _ = ask(connection, entry, at=NOW)

    def renew(digest: Digest) -> None:
        with stand.database.begin() as connection:
            write(connection, replace(entry, digest=digest))
        handle(Event(id="x", kind=EventKind.IMAGE_ADMITTED, subject=digest, time=NOW, data={"digest": digest}), 0)

    return renew


def test_a_base_is_renewed_while_the_one_before_is_promoted(stand: Stand) -> None:
    versions = [admitted(stand, name, name) for name in ("one", "two")]
    renew = renewing(stand)
    renew(versions[0])
    renew(versions[1])

    def promote_before(number: int) -> None:
        promote(stand, versions[(number + 1) % 2], "prod/base", f"v{number}")

    meet(lambda number: renew(versions[number % 2]), promote_before, promote_before)


def test_an_image_is_judged_while_it_and_others_are_promoted(stand: Stand) -> None:
    digest, other = admitted(stand, "one", "v1"), admitted(stand, "two", "v2")
    judging = curation(stand)
    meet(
        lambda number: judging.decide(digest, f"trouble {number}"),
        lambda number: promote(stand, digest, f"prod/{number}", "v1"),
        lambda number: promote(stand, other, f"prod/{number}", "v1"),
    )


def test_an_index_is_recalled_while_its_images_are_judged(stand: Stand) -> None:
    images = [admitted(stand, name, name) for name in ("one", "two", "three")]
    index = stand.index("all", *images)
    for name in ("one", "two", "three"):
        with suppress(TidegateError):
            stand.shelf.delete_tag(APP, Tag(name), who="test")
    judging = curation(stand)
    judging.begin(index)
    judging.decide(index, "")

    def change(number: int) -> None:
        wish = Wish(act=Act.RECALL if number % 2 == 0 else Act.RELEASE, reason="because", who="olga")
        with stand.database.begin() as connection:
            change_state(connection, GATE, index, wish, at=stand.clock())

    meet(change, *(lambda number, it=one: judging.decide(it, str(number)) for one in images))


def test_a_manifest_is_pushed_taken_out_and_promoted_at_once(stand: Stand) -> None:
    digest = admitted(stand, "one", "v1")
    raw_of = stand.shelf.get_manifest(APP, digest).document

    def put(_number: int) -> None:
        admitted_again = stand.shelf.put_manifest(
            OTHER, Tag("v1"), raw_of, media_type=mt.OCI_MANIFEST, pushed_by="me", more_tags=[Tag("a"), Tag("z")]
        )
        assert admitted_again.digest == digest

    for part in (b"layer of one",):
        stand.blob(part, OTHER)
    meet(
        put,
        lambda _: promote(stand, digest, OTHER, "v1"),
        lambda _: stand.shelf.delete_manifest(OTHER, digest, who="me"),
        lambda _: stand.blobs.delete(OTHER, Digest.of(b"layer of one")),
        lambda _: Collector(stand.database, stand.blobs, stand.clock).run(),
    )


def test_a_copy_is_made_while_its_image_is_judged_and_promoted(stand: Stand) -> None:
    digest = admitted(stand, "one", "v1")
    key = DecryptionKey.of(ec.generate_private_key(ec.SECP256R1()))
    making = Encrypting(
        database=stand.database, blobs=stand.blobs, shelf=stand.shelf, gate=GATE, keys=(key,), clock=stand.clock
    )
    judging = curation(stand)

    def copy(number: int) -> None:
        making.make(CopyWish(source=APP, locator=digest, target=OTHER, tag=Tag(f"v{number}"), consumers=()), ANNA)

    meet(
        copy,
        lambda number: judging.decide(digest, str(number)),
        lambda number: promote(stand, digest, OTHER, f"v{number}"),
        rounds=8,
    )


def test_a_tenants_use_is_counted_while_blobs_come_and_go(stand: Stand) -> None:
    quota = tenancy.Quota(bytes=1 << 30)

    def create(_number: int) -> None:
        with stand.database.begin() as connection:
            tenancy.create(connection, "team", ["team"], quota, by="test", at=NOW)

    create(0)

    def again(number: int) -> None:
        with stand.database.begin() as connection:
            if number % 3 == 2:
                tenancy.remove(connection, "team", by="test", at=NOW)
            else:
                tenancy.recount(connection, "team")
        if number % 3 == 2:
            create(number)

    def upload(number: int) -> None:
        for part in range(4):
            stand.blob(f"{number % 2} {part}".encode())

    def drop(number: int) -> None:
        for part in reversed(range(4)):
            with suppress(TidegateError):
                stand.blobs.delete(APP, Digest.of(f"{number % 2} {part}".encode()))

    meet(again, upload, upload, drop, lambda number: stand.image(str(number), f"t{number % 2}"))


def test_a_principal_is_removed_while_it_is_changed_and_made_again(stand: Stand) -> None:
    def removed(_number: int) -> None:
        with stand.database.begin() as connection:
            account.remove(connection, "robot$x", by="test", at=NOW)

    def made(_number: int) -> None:
        with stand.database.begin() as connection:
            account.create_robot(connection, "x", lasts=DAY, max_lifetime=DAY, by="test", at=NOW)

    def changed(number: int) -> None:
        with stand.database.begin() as connection:
            account.set_disabled(connection, "robot$x", disabled=bool(number % 2), by="test", at=NOW)

    meet(removed, made, changed, changed)
