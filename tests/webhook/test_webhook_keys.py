# SPDX-License-Identifier: Apache-2.0
"""Keys whose verdicts count, changed while the webhook serves."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from reviews import Both, pod_review

from made_verdicts import Issuer, image_verdict
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.signing.keys import SigningKey, TrustedKeys
from tidegate.trust.key_files import KeyFiles
from webhook_process import WebhookProcess

SECRET = b"-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n"
OLD, NEW = "team/old-key:1", "team/new-key:1"


def wait_for(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_keys_change_without_a_restart_and_without_a_moment_of_none(tmp_path: Path) -> None:
    old, new = Issuer(), Issuer()
    folder = tmp_path / "home" / "webhook"
    old.fill(folder, [image_verdict(OLD)])
    new.fill(folder, [image_verdict(NEW)], offset=2)
    trusted = old.save_public(tmp_path / "server.pub")
    with WebhookProcess(tmp_path / "home", trusted) as webhook:

        def lets_in(image: str) -> bool:
            return Both(webhook, pod_review(image)).allowed

        # The policies on disk are of the new key: nothing is known of them yet, and that closes.
        assert not lets_in(OLD)
        assert not lets_in(NEW)
        both = old.key.verifying.to_pem() + new.key.verifying.to_pem()
        trusted.write_bytes(both)
        wait_for(lambda: lets_in(OLD) and lets_in(NEW))
        trusted.write_bytes(both[:-40])  # half a write: as if one key had been taken back
        wait_for(lambda: "not every PEM block" in webhook.log())
        assert lets_in(OLD)
        trusted.unlink()
        wait_for(lambda: "no such key file" in webhook.log())
        assert lets_in(NEW)
        trusted.write_bytes(new.key.verifying.to_pem())
        wait_for(lambda: not lets_in(OLD))
        assert lets_in(NEW)
        wait_for(lambda: old.key.key_id[:12] in webhook.log())


def test_files_are_looked_at_and_what_could_not_be_done_is_tried_again(tmp_path: Path) -> None:
    first, second = SigningKey.generate().verifying, SigningKey.generate().verifying
    path = tmp_path / "keys.pem"
    path.write_bytes(first.to_pem())
    heard: list[TrustedKeys] = []

    def changed(keys: TrustedKeys) -> None:
        heard.append(keys)
        if len(heard) == 1:
            raise OutsideError("the disk is full")

    files = KeyFiles([path])
    assert not files.look(changed)
    path.write_bytes(first.to_pem() + b"\n# another\n" + second.to_pem())
    assert not files.look(changed)
    assert files.look(changed)
    assert files.keys.ids == heard[1].ids == {first.key_id, second.key_id}
    assert not files.look(changed)
    for broken in (b"", b"nothing", path.read_bytes()[:-30], first.to_pem() + SECRET):
        path.write_bytes(broken)
        assert not files.look(changed)
    assert files.keys.ids == {first.key_id, second.key_id}
    with pytest.raises(InvalidInputError, match="not every PEM block"):
        KeyFiles([path])
