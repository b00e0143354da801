# SPDX-License-Identifier: Apache-2.0
"""`tidegate webhook`: its verbs."""

import sys

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb

command = ClickVerbs(
    "webhook",
    help="Set up a cluster's admission webhook (tidegate serve --mode webhook).",
    examples=(
        (
            "tidegate webhook manifests --image registry.example/tidegate@sha256:… --server https://registry.example",
            "what a cluster needs to run it and to ask it",
        ),
        ("tidegate webhook manifests --url https://10.0.0.5:8443", "for one that runs outside of the cluster"),
    ),
)


@verb(
    "manifests",
    examples=(
        (
            "tidegate webhook manifests --image IMAGE --server https://registry.example --secrets | kubectl apply -f -",
            "all of it, certificate and keys included",
        ),
        ("tidegate webhook manifests --url https://10.0.0.5:8443", "how the API server reaches one outside"),
    ),
)
@click.option("--image", metavar="REFERENCE", help="tidegate's own image, best by digest; without it, no Deployment.")
@click.option("--namespace", default="tidegate", show_default=True, help="Its own, of which it asks nothing.")
@click.option("--server", help="Address of the server whose verdicts count. [client.server]")
@click.option("--url", default="", help="Where the API server reaches it when it runs outside of the cluster.")
@click.option(
    "--configuration",
    type=click.Choice(["fail", "ignore", "off"]),
    default="fail",
    show_default=True,
    help="ConfigMaps and Secrets while nobody answers: refuse them, let them in, or never ask of them.",
)
@click.option("--secrets", "with_secrets", is_flag=True, help="Write certificate and keys too: private, so keep it so.")
def manifests(
    call: Call,
    *,
    image: str | None,
    namespace: str,
    server: str | None,
    url: str,
    configuration: str,
    with_secrets: bool,
) -> int:
    """Write what a Kubernetes cluster needs, as YAML.

    The two webhook configurations close the cluster when nobody answers (failurePolicy Fail), and leave out what would
    wedge it: the webhook's own namespace, webhook.exempt_namespaces, mirror pods, and what is being deleted. With an
    image, the Deployment too. ConfigMaps and Secrets have a webhook of their own, which leaves out what the control
    plane writes and what changes no content. The certificate lies in webhook.folder; it is made when there is none.
    """
    names = [f"tidegate-webhook.{namespace}.svc", "localhost", "127.0.0.1"]
    settings = call.settings(client__server=server)
    from tidegate.assembly.webhook_manifests import webhook_manifests

    documents = webhook_manifests(
        settings,
        image=image,
        namespace=namespace,
        url=url,
        names=names,
        with_secrets=with_secrets,
        configuration=configuration,
    )
    import yaml

    sys.stdout.write(str(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=False)))
    if image and not with_secrets:
        call.note("the Secret tidegate-webhook is not in it: tls.crt, tls.key, glass.key and login.json; see --secrets")
    return 0


for _command in (manifests,):
    command.add_command(_command)
