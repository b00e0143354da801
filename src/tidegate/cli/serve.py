# SPDX-License-Identifier: Apache-2.0
"""`tidegate serve`."""

import sys

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import verb


@verb(
    "serve",
    examples=(
        ("tidegate serve", "registry, gate and API on this machine, everything in one folder"),
        ("skopeo copy --dest-tls-verify=false oci:./image docker://127.0.0.1:8421/team/app:1", "push an image to it"),
        ("tidegate serve --mode webhook", "a cluster's admission webhook, and nothing else"),
        ("tidegate serve --host 0.0.0.0 --port 443", "for others: with TLS and an access token in tidegate.toml"),
    ),
)
@click.option(
    "--mode",
    type=click.Choice(["all", "webhook"]),
    default="all",
    help="What is run: everything, or a cluster's admission webhook alone.",
)
@click.option("--host", help="Address to listen on. [127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one. [8421, of the webhook 8443]")
def command(call: Call, mode: str, host: str | None, port: int | None) -> int:
    """Run the curated registry, its gate and its API in one process.

    What is pushed is quarantined, examined and judged; what is admitted is served. With no configuration everything
    lies in one folder, and only this machine is let in. SIGTERM ends it; killed at any moment, it goes on at the
    next start where it was.

    The webhook answers the Kubernetes API server from verdicts on its own disk, which the server that client.server
    names keeps new; it goes on until they end when nobody else is there.
    """
    if mode == "webhook":
        return _webhook(call, host, port)
    settings = call.settings(server__host=host, server__port=port)
    from tidegate.server.process import run_server

    def ready(address: str) -> None:
        # The one line of output: scripts read the address from it.
        sys.stdout.write(f"tidegate serves at {address} \n")
        sys.stdout.flush()
        is_shared = settings.database_url or settings.storage.blobs_url
        what = "what is not shared" if is_shared else "everything"
        call.note(f"{what} lies in {settings.home}; the API is described at {address}/api/v1/openapi.json")

    run_server(settings, ready=ready)
    return 0


def _webhook(call: Call, host: str | None, port: int | None) -> int:
    settings = call.settings(webhook__host=host, webhook__port=port)
    from tidegate.server.webhook.process import run_webhook

    def ready(address: str, known: int) -> None:
        sys.stdout.write(f"tidegate answers at {address} \n")
        sys.stdout.flush()
        call.note(f"verdicts over {known} images lie in {settings.webhook.folder}")

    run_webhook(settings, ready=ready)
    return 0
