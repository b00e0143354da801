# SPDX-License-Identifier: Apache-2.0
"""`tidegate cluster`: its verbs."""

import sys
from pathlib import Path

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.server_option import server_option

command = ClickVerbs(
    "cluster",
    help="Watch what runs in a Kubernetes cluster.",
    examples=(
        ("tidegate cluster watch --name prod --server https://registry.example", "tell a server what runs where"),
        ("tidegate cluster manifests --name prod --image IMAGE --server https://registry.example", "in the cluster"),
    ),
)


@verb(
    "watch",
    examples=(
        ("tidegate cluster watch --name prod --server https://registry.example", "as a pod's account, or kubectl's"),
        ("tidegate cluster watch --name prod --kubeconfig prod.yaml --context admin", "as somebody else"),
    ),
)
@click.option("--name", help="What the cluster is called at the server. [cluster.name]")
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), metavar="FILE", help="Of the cluster. [kubernetes.config_file]"
)
@click.option("--context", help="Of the kubeconfig. [kubernetes.context]")
@server_option
def watch(call: Call, *, name: str | None, kubeconfig: Path | None, context: str | None, server: str | None) -> int:
    """Tell a server which image runs where in a cluster, as it changes; and do there what it orders.

    One runs for each cluster, best in it, as a robot with `report` on `**`. It survives the API server and its own
    server being away: what it hears waits. SIGTERM ends it.
    """
    settings = call.settings(
        cluster__name=name,
        kubernetes__config_file=kubeconfig and str(kubeconfig),
        kubernetes__context=context,
        client__server=server,
        outbound__max_attempts=1,  # it tries again by itself
    )
    import signal
    from threading import Event

    from tidegate.cluster.process import watch_until_told

    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    call.note(f"watching the cluster {settings.cluster.name}")
    watch_until_told(settings, stop)
    return 0


@verb(
    "manifests",
    examples=(
        (
            "tidegate cluster manifests --name prod --image IMAGE --server URL | kubectl apply -f -",
            "it looks, and does nothing",
        ),
        ("tidegate cluster manifests --name prod --image IMAGE --key server.pub", "and takes orders of the server"),
    ),
)
@click.option("--name", help="What the cluster is called at the server. [cluster.name]")
@click.option("--image", required=True, metavar="REFERENCE", help="tidegate's own image, best by digest.")
@click.option("--namespace", default="tidegate", show_default=True, help="Its own.")
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="FILE",
    help="The server's public key: its signed orders are carried out, with the rights that needs.",
)  # fmt: skip
@server_option
def manifests(call: Call, *, name: str | None, image: str, namespace: str, key: Path | None, server: str | None) -> int:
    """Write what the watcher needs in its cluster, as YAML: an account that may look, and with a key, take steps.

    The Secret tidegate-cluster with login.json, of a robot with `report` on `**`, is not in it.
    """
    settings = call.settings(cluster__name=name, client__server=server)
    import yaml

    from tidegate.cluster.deployment import Deployment, deployment
    from tidegate.errors import UsageError
    from tidegate.execution.report import check_node
    from tidegate.signing.keys import VerifyingKey

    if not settings.client.server:
        raise UsageError("a cluster's watcher tells a server", remedy="give --server")
    said = Deployment(
        image=image,
        namespace=namespace,
        cluster=check_node(settings.cluster.name),
        server=settings.client.server,
        public_key=VerifyingKey.load(key).to_pem().decode() if key else "",
    )
    sys.stdout.write(str(yaml.safe_dump_all(deployment(said), sort_keys=False, allow_unicode=False)))
    call.note("the Secret tidegate-cluster is not in it: login.json, as tidegate login writes it")
    return 0


for _command in (watch, manifests):
    command.add_command(_command)
