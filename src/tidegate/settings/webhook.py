# SPDX-License-Identifier: Apache-2.0
"""Settings of the admission webhook, and of the verdicts that a server hands out to webhooks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tidegate.settings.leaf import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Where the webhook listens, what it asks of workloads, and who may pass all the same."""

    host: Annotated[str, Leaf(meaning="Address the webhook listens on.")] = "127.0.0.1"
    port: Annotated[int, Leaf(meaning="Port the webhook listens on; 0 takes a free one.", low=0, high=65535)] = 8443
    folder: Annotated[
        Path, Leaf(meaning="Folder of verdicts, records not sent yet and keys of the webhook.", under_home="webhook")
    ]
    cluster: Annotated[str, Leaf(meaning="What the cluster is called in rules, restrictions and records.")] = ""
    tls_certificate_file: Annotated[
        Path | None, Leaf(meaning="PEM certificate chain, read anew when it changes; empty has one made.")
    ] = None
    tls_key_file: Annotated[Path | None, Leaf(meaning="PEM private key of that certificate.")] = None
    tls_names: Annotated[
        tuple[str, ...], Leaf(meaning="Names and addresses in the certificate that is made, the first of all in it.")
    ] = ("tidegate-webhook.tidegate.svc", "localhost", "127.0.0.1")
    client_ca_file: Annotated[
        Path | None, Leaf(meaning="PEM file of the authority of the API server's client certificate; empty asks none.")
    ] = None
    exempt_namespaces: Annotated[
        tuple[str, ...], Leaf(meaning="Namespaces of which nothing is asked; the webhook's own must be one of them.")
    ] = ("kube-system", "kube-public", "kube-node-lease", "tidegate")
    connect_files: Annotated[
        tuple[Path, ...],
        Leaf(
            meaning="Files of rules who may exec, attach, forward ports, use proxies; nobody where no rule lets them."
        ),
    ] = ()
    break_glass_who: Annotated[
        tuple[str, ...],
        Leaf(meaning="Who may let in what is not admitted: names of users (patterns), and `group:NAME`."),
    ] = ()
    glass_key_file: Annotated[
        Path,
        Leaf(
            meaning="Secret that seals what was let in so, the same for every copy; made on first use.",
            under_home="webhook/glass.key",
        ),
    ]
    break_glass_minutes: Annotated[
        int, Leaf(meaning="Minutes in which pods of such a workload are let in.", low=1, high=10080)
    ] = 60
    verdict_hours: Annotated[
        int, Leaf(meaning="Hours a verdict holds at most that a server hands to webhooks.", low=1, high=720)
    ] = 24
