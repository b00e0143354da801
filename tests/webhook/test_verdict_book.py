# SPDX-License-Identifier: Apache-2.0
"""Verdicts in memory and on disk: the newest word counts, in whatever order words come, and nobody else's."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_verdicts import Issuer, digest_of, image_verdict, refused_verdict
from tidegate.artifact import Digest, Reference
from tidegate.clock import system_clock
from tidegate.errors import RefusedError
from tidegate.evidence import Verdict
from tidegate.execution.verdicts.book import VerdictBook
from tidegate.execution.verdicts.store import VerdictStore
from tidegate.execution.verdicts.verdict import VerdictBatch
from tidegate.signing.keys import TrustedKeys

APP = "team/app:1"
POLICY = Digest.of(b"policy")


def batch(offset: int, *verdicts: object) -> VerdictBatch:
    return VerdictBatch(offset=offset, made_at=system_clock(), policy=POLICY, verdicts=verdicts)  # type: ignore[arg-type]


def store_of(folder: Path, issuer: Issuer) -> VerdictStore:
    made = VerdictStore(folder, TrustedKeys.of([issuer.key.verifying]))
    made.load()
    return made


@pytest.mark.property
@given(
    words=st.permutations(
        [(0, "allow"), (1, "withdraw"), (2, "allow"), (3, "deny"), (4, "withdraw"), (5, "allow"), (6, "withdraw")]
    ),
    upto=st.integers(0, 6),
)
def test_the_newest_word_counts_in_whatever_order_words_come(words: list[tuple[int, str]], upto: int) -> None:
    book = VerdictBook()
    told = [word for word in words if word[0] <= upto]
    for offset, word in told:
        if word == "withdraw":
            book.withdraw((digest_of(APP),), offset)
        else:
            verdict = image_verdict(APP) if word == "allow" else refused_verdict(APP)
            book.take_in(batch(offset, verdict), f"source {offset}")
    newest = max(told)[1]
    said = book.verdict_of(digest_of(APP))
    assert (said.verdict if said else None) == {"allow": Verdict.ALLOW, "deny": Verdict.DENY, "withdraw": None}[newest]


def test_an_index_goes_with_its_images() -> None:
    book = VerdictBook()
    child = digest_of("child")
    book.take_in(batch(1, image_verdict(APP, images=(child,))), "first")
    book.withdraw((child,), 2)
    assert book.verdict_of(digest_of(APP)) is None
    book.take_in(batch(1, image_verdict(APP, images=(child,))), "late")
    assert book.verdict_of(digest_of(APP)) is None
    book.take_in(batch(2, image_verdict(APP, images=(child,))), "new")
    assert book.verdict_of(digest_of(APP)) is not None


def test_a_name_goes_where_it_was_moved_and_nowhere_while_that_is_not_known() -> None:
    book = VerdictBook()
    book.take_in(batch(1, image_verdict(APP)), "first")
    assert book.digest_of(APP) == digest_of(APP)
    book.withdraw((APP,), 2)
    assert book.digest_of(APP) is None
    assert book.verdict_of(digest_of(APP)) is not None  # by its digest it runs as before
    book.take_in(batch(1, image_verdict(APP)), "late")
    assert book.digest_of(APP) is None
    book.take_in(batch(3, image_verdict("other", names=(APP,))), "new")
    assert book.digest_of(APP) == digest_of("other")
    book.take_in(batch(4, image_verdict("other", names=())), "removed")
    assert book.digest_of(APP) is None


def test_what_is_kept_is_there_at_the_next_start_and_what_was_withdrawn_is_not(tmp_path: Path) -> None:
    issuer = Issuer()
    store = store_of(tmp_path, issuer)
    store.take_in(issuer.batch([image_verdict(APP), image_verdict("team/gone:1"), refused_verdict("team/bad:1")]))
    store.set_policies(issuer.policies())
    store.withdraw((digest_of("team/gone:1"),), 2)
    store.heard(2)
    again = store_of(tmp_path, issuer)
    assert again.digest_of(Reference.parse(APP)) == digest_of(APP)
    assert again.verdict_of(digest_of("team/gone:1")) is None
    assert again.verdict_of(digest_of("team/bad:1")) is not None
    assert again.rules is not None
    assert again.position.offset == 2


def test_batches_of_which_nothing_counts_any_more_go_from_the_disk(tmp_path: Path) -> None:
    issuer = Issuer()
    store = store_of(tmp_path, issuer)
    for offset in range(1, 6):
        store.take_in(issuer.batch([image_verdict(APP)], offset=offset))
    assert len(list((tmp_path / "batches").iterdir())) == 1


def test_a_stranger_gives_no_verdict_neither_sent_nor_on_disk(tmp_path: Path) -> None:
    issuer, stranger = Issuer(), Issuer()
    store = store_of(tmp_path, issuer)
    forged = stranger.batch([image_verdict(APP)])
    with pytest.raises(RefusedError):
        store.take_in(forged)
    with pytest.raises(RefusedError):
        store.set_policies(stranger.policies())
    (tmp_path / "batches" / "forged.json").write_bytes(forged)
    (tmp_path / "batches" / "broken.json").write_bytes(b"{")
    good = issuer.batch([image_verdict("team/bad:1", verdict=Verdict.ALLOW)])
    (tmp_path / "batches" / "changed.json").write_bytes(good.replace(b"A", b"B", 1))
    assert len(store_of(tmp_path, issuer)) == 0


def test_whatever_is_cut_off_or_changed_on_disk_gives_nothing(tmp_path: Path) -> None:
    issuer = Issuer()
    envelope = issuer.batch([image_verdict(APP)])
    for number, at in enumerate(range(0, len(envelope), 251)):
        folder = tmp_path / str(number)
        store_of(folder, issuer)
        (folder / "batches" / "cut.json").write_bytes(envelope[:at])
        (folder / "position.json").write_bytes(b'{"offset": ')
        (folder / "withdrawn.jsonl").write_bytes(b'{"subject": "x", "off')
        assert len(store_of(folder, issuer)) == 0


def test_a_key_that_is_taken_back_takes_its_verdicts_along_at_once(tmp_path: Path) -> None:
    old, new = Issuer(), Issuer()
    store = VerdictStore(tmp_path, TrustedKeys.of([old.key.verifying, new.key.verifying]))
    store.take_in(old.batch([image_verdict(APP), image_verdict("team/both:1")]))
    store.take_in(new.batch([image_verdict("team/both:1"), image_verdict("team/new:1")], offset=2))
    store.set_policies(new.policies())
    store.trust(TrustedKeys.of([new.key.verifying]))
    assert store.verdict_of(digest_of(APP)) is None
    assert store.verdict_of(digest_of("team/both:1")) is not None
    assert store.rules is not None
    assert store.position.settled == ""
    with pytest.raises(RefusedError):
        store.take_in(old.batch([image_verdict(APP)], offset=3))
    # Trusted again, what is kept counts again, though nobody asks a server.
    store.trust(TrustedKeys.of([old.key.verifying]))
    assert store.verdict_of(digest_of(APP)) is not None
    assert store.verdict_of(digest_of("team/new:1")) is None
    assert store.rules is None


def test_what_a_server_says_is_revoked_stays_so_whoever_trusts_it(tmp_path: Path) -> None:
    issuer, other = Issuer(), Issuer()
    both = TrustedKeys.of([issuer.key.verifying, other.key.verifying])
    store = VerdictStore(tmp_path, both)
    store.take_in(issuer.batch([image_verdict(APP)]))
    store.set_policies(issuer.policies())
    store.revoke(issuer.key.key_id)
    for known in (store, VerdictStore(tmp_path, both)):
        known.trust(both)
        assert known.verdict_of(digest_of(APP)) is None
        assert known.rules is None
        with pytest.raises(RefusedError):
            known.take_in(issuer.batch([image_verdict(APP)], offset=9))


def test_verdicts_of_a_key_that_is_unknown_at_the_start_have_everything_asked_anew(tmp_path: Path) -> None:
    issuer = Issuer()
    issuer.fill(tmp_path, [image_verdict(APP)])
    store = store_of(tmp_path / "verdicts", Issuer())
    assert len(store) == 0
    assert store.position.settled == ""
    store.settled("all of it")
    assert not list((tmp_path / "verdicts" / "batches").iterdir())
