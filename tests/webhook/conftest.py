# SPDX-License-Identifier: Apache-2.0
"""A webhook in a process of its own, for tests that need nothing special of it."""

from collections.abc import Iterator

import pytest

from made_verdicts import Issuer, image_verdict, refused_verdict
from webhook_process import WebhookProcess

CONNECT = """
apiVersion: tidegate.dev/v1
kind: ConnectRules
metadata: {name: ways-in}
spec:
  rules:
    - {name: never-into-vaults, pods: ["vault-*"], verdict: deny}
    - {name: oncall, who: ["group:oncall"], acts: [exec, attach]}
    - {name: own-team, who: ["group:developers"], namespaces: ["dev-*"], acts: [portforward]}
    - {name: monitoring, who: ["group:monitoring"], acts: [nodeproxy]}
    - {name: not-bob, who: ["bob"], acts: [evict, scale], verdict: deny}
    - {name: admins, who: ["group:admins"]}
"""


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Iterator[WebhookProcess]:
    folder = tmp_path_factory.mktemp("webhook")
    names = ("team/app:1", "team/app:2", "team/debug:1", "team/data:1")
    verdicts = [*(image_verdict(name) for name in names), refused_verdict("team/bad:1")]
    verdicts.append(image_verdict("team/old:1", hours=-1))
    issuer.fill(folder / "home" / "webhook", verdicts)
    rules = folder / "connect.yaml"
    rules.write_text(CONNECT)
    settings = {
        "WEBHOOK_CLUSTER": "lab",
        "WEBHOOK_CONNECT_FILES": str(rules),
        "WEBHOOK_BREAK_GLASS_WHO": "group:oncall,root-*",
    }
    trusted = issuer.save_public(folder / "server.pub")
    with WebhookProcess(folder / "home", trusted, settings=settings) as running:
        yield running
