# SPDX-License-Identifier: Apache-2.0
"""The verbs, in the order help shows them. A verb's module is imported when it is used, never before."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One verb.

    Attributes:
        module: holds the verb's click command under the name `command`.
        help: one line for `tidegate --help`.
    """

    name: str
    module: str
    help: str


VERBS: Final = (
    Verb(name="scan", module="tidegate.cli.scan", help="Find what is in an image, and what is wrong with it."),
    Verb(name="sbom", module="tidegate.cli.sbom", help="Write an image's bill of materials."),
    Verb(name="explain", module="tidegate.cli.explain", help="Tell who brought a file, and if it is as it was made."),
    Verb(
        name="origin", module="tidegate.cli.origin", help="Tell where all of an image comes from, and what proves it."
    ),
    Verb(name="diff", module="tidegate.cli.diff", help="Tell what is different between two images."),
    Verb(name="convert", module="tidegate.cli.convert", help="Write a bill of materials in another form."),
    Verb(name="grade", module="tidegate.cli.grade", help="Grade images by stated criteria, side by side."),
    Verb(name="base", module="tidegate.cli.base_images", help="Remember images that others are built upon."),
    Verb(name="vex", module="tidegate.cli.vex", help="Write and convert statements on vulnerabilities."),
    Verb(name="predicate", module="tidegate.cli.predicate", help="Write what a statement shall say, or show one."),
    Verb(name="build", module="tidegate.cli.build", help="Build an image, and tell what went into it."),
    Verb(name="check", module="tidegate.cli.check", help="Find what is wrong in Dockerfiles, manifests and commits."),
    Verb(name="serve", module="tidegate.cli.serve", help="Run the curated registry, its gate and its API."),
    Verb(name="login", module="tidegate.cli.login", help="Log in to a server, for verbs with --server and for pulls."),
    Verb(name="logout", module="tidegate.cli.logout", help="Forget the login that is kept for a server."),
    Verb(name="whoami", module="tidegate.cli.whoami", help="Tell who you are to a server, and until when."),
    Verb(name="admit", module="tidegate.cli.admit", help="Put an image or a workload before a gate."),
    Verb(name="intake", module="tidegate.cli.intake", help="Take images in from upstream registries."),
    Verb(name="tag", module="tidegate.cli.tag", help="Tell who moved a tag; freeze it, or let it be moved once."),
    Verb(name="principal", module="tidegate.cli.principal", help="Say who is let in: people and robots."),
    Verb(name="grant", module="tidegate.cli.grant", help="Say what principals may do, and decide what is asked for."),
    Verb(name="retention", module="tidegate.cli.retention", help="Take out what rules no longer keep, or tell what."),
    Verb(name="gc", module="tidegate.cli.gc", help="Collect blobs of the registry that no manifest needs."),
    Verb(name="tenant", module="tidegate.cli.tenant", help="Say who owns which repositories, and how much."),
    Verb(name="audit", module="tidegate.cli.audit", help="Tell who did what, and whether the trail still holds."),
    Verb(name="keys", module="tidegate.cli.keys", help="Say whose signatures count, for what, and until when."),
    Verb(name="keypair", module="tidegate.cli.keypair", help="Make keys to sign with, and look at them."),
    Verb(name="sign", module="tidegate.cli.sign", help="Sign an image, so that cosign verifies it."),
    Verb(name="attest", module="tidegate.cli.attest", help="Sign a statement about an image."),
    Verb(name="verify", module="tidegate.cli.verify", help="Verify who signed an image, and what they say of it."),
    Verb(name="encrypt", module="tidegate.cli.encrypt", help="Encrypt an image's layers for named recipients."),
    Verb(name="decrypt", module="tidegate.cli.decrypt", help="Decrypt the layers of an image."),
    Verb(name="vend", module="tidegate.cli.vend", help="Hand images out: to whom, until when, and back."),
    Verb(name="subscription", module="tidegate.cli.subscription", help="Say who is told of changes, by webhooks."),
    Verb(name="owner", module="tidegate.cli.owner", help="Say who owns what, and how they are told."),
    Verb(name="feedback", module="tidegate.cli.feedback", help="Show what owners were told, and how it was mended."),
    Verb(name="events", module="tidegate.cli.events", help="Follow what happens, as it happens or from any moment on."),
    Verb(name="recipient", module="tidegate.cli.recipient", help="Say for whom the registry encrypts copies."),
    Verb(name="scrub", module="tidegate.cli.scrub", help="Hash what the registry stores again; repair it, or tell."),
    Verb(name="ledger", module="tidegate.cli.ledger", help="Show, prove, copy and verify the log of all statements."),
    Verb(name="forensics", module="tidegate.cli.forensics", help="Capture what a container did, and keep it sealed."),
    Verb(name="sensor", module="tidegate.cli.sensor", help="Watch this node's containers; refuse what is not theirs."),
    Verb(name="cluster", module="tidegate.cli.cluster", help="Watch what runs in a Kubernetes cluster."),
    Verb(name="tide", module="tidegate.cli.tide", help="Tell what one change moved, to the last workload rolled."),
    Verb(name="fleet", module="tidegate.cli.fleet", help="Ask every image at once what it has, by what is on record."),
    Verb(name="inventory", module="tidegate.cli.inventory", help="Show which image runs where, by which decision."),
    Verb(name="incident", module="tidegate.cli.incident", help="Show what sensors found, and close it with a reason."),
    Verb(name="respond", module="tidegate.cli.respond", help="Contain what runs, and take back what can be."),
    Verb(name="placement", module="tidegate.cli.placement", help="Tell where workloads may run, and who says so."),
    Verb(name="update", module="tidegate.cli.update", help="Bring newer admitted images to what runs."),
    Verb(name="netpol", module="tidegate.cli.netpol", help="Make network policies of flows; find what runs otherwise."),
    Verb(name="webhook", module="tidegate.cli.webhook", help="Set up and look at a cluster's admission webhook."),
    Verb(name="passport", module="tidegate.cli.passport", help="Show all that is on record of a digest."),
    Verb(name="db", module="tidegate.cli.db", help="Build, update and describe the knowledge file."),
    Verb(name="policy", module="tidegate.cli.policy", help="Check, try and explain policies."),
    Verb(name="completion", module="tidegate.cli.completion", help="Write a script that completes words in a shell."),
    Verb(name="version", module="tidegate.cli.version", help="Say which tidegate this is."),
)
