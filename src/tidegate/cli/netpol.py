# SPDX-License-Identifier: Apache-2.0
"""`tidegate netpol`: policies made of flows, and held against what runs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tidegate.cli.call import Call
from tidegate.cli.click_verb import ClickVerbs, verb
from tidegate.cli.output import Output, output_options
from tidegate.cli.table import write_table
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.execution.network.flows import Flows
    from tidegate.execution.network.observed import ObservedFlow, Seen

_FILE: Final = click.Path(path_type=Path, allow_dash=True)
_SHOWN_PORTS: Final = 6

command = ClickVerbs(
    "netpol",
    help="Make NetworkPolicies of declared and observed flows, and find what running ones do otherwise.",
    examples=(
        (
            "tidegate netpol generate flows.yaml > policies.yaml",
            "every namespace closed, and each declared flow opened",
        ),
        ("tidegate netpol diff flows.yaml --live", "against a cluster"),
    ),
    no_args_is_help=True,
)


@verb(
    "generate",
    examples=(
        ("tidegate netpol generate flows.yaml", "policies that allow what is declared, and nothing else"),
        (
            "tidegate netpol generate --observed seen.jsonl",
            "a first draft of what was seen, before anything is declared",
        ),
        ("tidegate netpol generate flows.yaml --observed seen.jsonl", "both; what may not be is told and left out"),
    ),
)
@click.argument("flows", nargs=-1, type=_FILE, metavar="[FLOWS]...")
@click.option("--observed", type=_FILE, metavar="FILE", help="Flows that were seen, JSON Lines.")
@click.option("--live", is_flag=True, help="Ask the cluster whose the addresses in them are. [kubernetes.config_file]")
@click.option("--context", help="Of the kubeconfig. [kubernetes.context]")
@output_options("yaml", "json")
def generate(
    call: Call, *, flows: tuple[Path, ...], observed: Path | None, live: bool, context: str | None, output: Output
) -> int:
    """Write NetworkPolicies for the declared FLOWS: every namespace closed in both directions, names may be asked for.

    With --observed, what was seen is let through too, where it does not cross tenants or data classes that are kept
    apart. Read it before you apply it: what an intruder did while one looked was seen as well.
    """
    from tidegate.execution.network.generate import policies_for

    declared, seen = _read(flows, observed)
    if seen is not None:
        from tidegate.execution.network.observed import learned

        if live:
            from tidegate.assembly.network import running_cluster
            from tidegate.execution.network.live import resolved

            seen = tuple(resolved(seen, running_cluster(call.settings(kubernetes__context=context))))
        declared, refused = learned(seen, declared)
        for one, why in refused:
            source, target = (
                one.source.workload or one.source.endpoint(),
                one.destination.workload or one.destination.endpoint(),
            )
            call.warn(f"left out: {source} → {target}: {one.port}/{one.protocol}, seen {one.count} times: {why}")
    documents = policies_for(declared)
    if output.form == "json":
        output.write_json({"apiVersion": "v1", "kind": "List", "items": documents})
    else:
        import yaml

        output.write_text(str(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=False)))
    call.note(f"{len(documents)} policies for {len(declared.namespaces)} namespaces and {len(declared.flows)} flows")
    return 0


@verb(
    "diff",
    examples=(
        ("tidegate netpol diff flows.yaml --running policies/", "against a folder of manifests"),
        ("kubectl get networkpolicies -A -o json | tidegate netpol diff flows.yaml --running -", "against a cluster"),
        ("tidegate netpol diff flows.yaml --running - --observed seen.jsonl", "and what is declared but never used"),
        ("tidegate netpol diff --live --observed seen.jsonl", "what runs, before anything is declared"),
    ),
)
@click.argument("flows", nargs=-1, type=_FILE, metavar="[FLOWS]...")
@click.option("--running", type=_FILE, metavar="PATH", help="Policies: a file, a folder, or - for standard input.")
@click.option("--live", is_flag=True, help="Policies and pods of the cluster itself. [kubernetes.config_file]")
@click.option("--context", help="Of the kubeconfig. [kubernetes.context]")
@click.option("--observed", type=_FILE, metavar="FILE", help="Flows that were seen, JSON Lines.")
@output_options("table", "json", by_terminal=True)
def diff(
    call: Call,
    *,
    flows: tuple[Path, ...],
    running: Path | None,
    live: bool,
    context: str | None,
    observed: Path | None,
    output: Output,
) -> int:
    """Hold running policies against the declared FLOWS. Exit status 1 for the first five of these.

    missing: declared, and kept in. open: a namespace that nothing closes. wider: let through, and not declared.
    undeclared: seen, and not declared. blocked: seen, and kept in. bare: pods that no policy isolates. idle: a policy
    that selects nothing that runs. unused: declared and never seen, or a policy that speaks of nothing declared or
    seen. bare and idle are told with --live, undeclared and blocked with --observed.
    """
    from tidegate.assembly.network import running_cluster, running_policies
    from tidegate.execution.network.compare import differences
    from tidegate.execution.network.live import resolved, unmatched

    if live == (running is not None):
        raise UsageError("one of --live and --running says which policies run", remedy="name a file, or --live")
    if running is not None and not flows:
        raise UsageError("nothing to hold policies against", remedy="name a file of flows, or --live")
    declared, seen = _read(flows, observed) if flows or observed is not None else (_nothing_declared(), None)
    if running is not None:
        given: Any = sys.stdin.buffer if str(running) == "-" else None
        policies = running_policies(running, given)
        found = differences(declared, policies, seen)
    else:
        cluster = running_cluster(call.settings(kubernetes__context=context))
        policies = cluster.policies
        known = None if seen is None else tuple(resolved(seen, cluster))
        found = (*differences(declared, policies, known), *unmatched(cluster))
    if output.form == "json":
        output.write_json({"policies": len(policies), "differences": found})
    elif found:
        rows = [
            (one.lack, one.source, one.target, _ports(one.ports), ", ".join(one.policies), one.why) for one in found
        ]
        write_table(call, output, ("what", "from", "to", "ports", "policies", "why"), rows)
    else:
        output.write_text(f"{len(policies)} policies allow what is declared, and nothing else\n")
    return 1 if any(not one.lack.is_told_only for one in found) else 0


@verb(
    "observed",
    examples=(
        ("tidegate netpol observed > seen.jsonl", "what sensors counted, as generate and diff read it"),
        ("tidegate netpol observed --cluster prod --namespace shop --since 2026-11-01T00:00:00Z", "of one namespace"),
    ),
)
@click.option("--cluster", default="", help="The cluster, by the name it reports under; nodes without one otherwise.")
@click.option("--namespace", default="", help="Of either side.")
@click.option("--since", default="", metavar="TIME", help="Only what was seen from this moment on (RFC 3339).")
@output_options("jsonl", "table")
def observed(call: Call, cluster: str, namespace: str, since: str, output: Output) -> int:
    """Write who talked to whom, as the sensors of nodes counted it: JSON Lines, one flow a line.

    Of the server that client.server names, or of the record here.
    """
    from tidegate.assembly.flow_book import every_flow, open_flow_book
    from tidegate.clock import parse_rfc3339
    from tidegate.wire import to_json

    moment = parse_rfc3339(since) if since else None
    with open_flow_book(call.settings()) as book:
        found = list(every_flow(book, cluster=cluster, namespace=namespace, since=moment))
    if output.form == "jsonl":
        output.write_bytes(b"".join(to_json(one) + b"\n" for one in found))
    else:
        rows = [
            (_named(one.source), _named(one.destination), f"{one.port}/{one.protocol}", str(one.count), one.last)
            for one in found
        ]
        write_table(call, output, ("from", "to", "port", "count", "seen last"), rows)
    call.note(f"{len(found)} flows")
    return 0


for _verb in (generate, diff, observed):
    command.add_command(_verb)


def _read(flows: Sequence[Path], observed: Path | None) -> "tuple[Flows, tuple[ObservedFlow, ...] | None]":
    from tidegate.assembly.network import declared_flows, observed_flows

    if not flows and observed is None:
        raise UsageError("nothing to make policies of", remedy="name a file of flows, or --observed FILE")
    return declared_flows(flows), None if observed is None else observed_flows(observed)


def _named(side: "Seen") -> str:
    return f"{side.namespace}/{side.workload}" if side.namespace else side.address


def _nothing_declared() -> "Flows":
    from tidegate.assembly.network import declared_flows

    return declared_flows(())


def _ports(ports: Sequence[str]) -> str:
    more = f" and {len(ports) - _SHOWN_PORTS} more" if len(ports) > _SHOWN_PORTS else ""
    return ", ".join(ports[:_SHOWN_PORTS]) + more
