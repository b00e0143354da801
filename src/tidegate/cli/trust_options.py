# SPDX-License-Identifier: Apache-2.0
"""Options that say who is trusted: a policy file, or keys and identities on the line, by cosign's names for them."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.gathered_options import gathered
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.settings import Settings
    from tidegate.verification.policy import Authority, TrustPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the options said."""

    policy_file: Path | None
    keys: tuple[Path, ...]
    threshold: int
    identity: str | None
    identity_pattern: str | None
    issuer: str | None
    issuer_pattern: str | None
    roots: tuple[Path, ...]
    trusted_root: Path | None
    logged: bool
    kind: str | None
    annotations: tuple[str, ...]
    condition: str | None
    insecure: bool

    def is_said(self, settings: "Settings") -> bool:
        """True when anybody at all is trusted, by an option or a setting."""
        own = self.keys or self.identity or self.identity_pattern or self.policy_file
        return bool(own or settings.signing.trust_policy_file)

    def policy(self, settings: "Settings") -> "TrustPolicy":
        """The policy that was named, or made of what was said.

        Raises:
            UsageError: neither a policy nor anybody to trust was named, or both.
            TidegateError: a file is missing or broken.
        """
        from tidegate.verification.document import load_trust_policy

        said = bool(self.keys or self.identity or self.identity_pattern)
        file = self.policy_file or (None if said else settings.signing.trust_policy_file)
        if said and self.policy_file:
            raise UsageError("a policy and a key were named", where="--policy", remedy="name one of the two")
        if file is not None:
            return load_trust_policy(file)
        if not said:
            remedy = "name --key, --certificate-identity or --policy, or set signing.trust_policy_file"
            raise UsageError("nobody is trusted", where="tidegate verify", remedy=remedy)
        return self._made()

    def _made(self) -> "TrustPolicy":
        from tidegate.artifact import Digest
        from tidegate.evidence.short_types import predicate_type_of
        from tidegate.rules.condition import Condition
        from tidegate.signing.transparency import TrustedRoot
        from tidegate.verification.policy import Requirement, TrustPolicy

        if self.condition and not self.kind:
            raise UsageError("a condition is asked of a predicate", where="--condition", remedy="name its --type")
        authorities = {one.name: one for one in self._authorities()}
        requirement = Requirement(
            name="attested" if self.kind else "signed",
            by=tuple(authorities),
            threshold=self.threshold,
            predicate_type=predicate_type_of(self.kind) if self.kind else "",
            annotations=dict(_pair(text) for text in self.annotations),
            condition=Condition.parse(self.condition) if self.condition else None,
        )
        return TrustPolicy(
            name="command-line",
            digest=Digest.of(repr(self).encode()),
            authorities=authorities,
            requirements=(requirement,),
            root=TrustedRoot.load(self.trusted_root) if self.trusted_root else None,
        )

    def _authorities(self) -> "list[Authority]":
        from tidegate.rules.condition import Pattern
        from tidegate.signing.certificate import Roots
        from tidegate.signing.keys import TrustedKeys
        from tidegate.verification.policy import CertificateAuthority, Identity, KeyAuthority

        found: list[Authority] = []
        if self.keys:
            found.append(KeyAuthority(name="keys", keys=TrustedKeys.load(self.keys), must_be_logged=self.logged))
        name = self.identity or (Pattern.parse(self.identity_pattern) if self.identity_pattern else None)
        if name is not None:
            issuer = self.issuer or (Pattern.parse(self.issuer_pattern) if self.issuer_pattern else None)
            if not self.roots and not self.trusted_root:
                remedy = "name --roots or --trusted-root"
                raise UsageError("nobody vouches for certificates", where="--certificate-identity", remedy=remedy)
            if not self.roots and issuer is None:
                remedy = "name --certificate-oidc-issuer: every issuer could name the same person"
                raise UsageError("an identity without its issuer", where="--certificate-identity", remedy=remedy)
            found.append(
                CertificateAuthority(
                    name="certificates",
                    identities=(Identity(name=name, issuer=issuer),),
                    roots=Roots.load(self.roots) if self.roots else None,
                    must_be_logged=self.logged,
                )
            )
        return found


def trust_options(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the options; the verb gets them as one `trust`."""
    return gathered(function, "trust", Trust, _OPTIONS, keys=(one.name for one in fields(Trust)), is_last=True)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError("no annotation", where=text[:80], remedy="write NAME=VALUE")
    return name, value


_FILE = click.Path(path_type=Path)
_OPTIONS = (
    click.Option(["--policy", "policy_file"], type=_FILE, metavar="FILE", help="Trust policy (YAML)."),
    click.Option(["--key", "keys"], type=_FILE, multiple=True, metavar="FILE", help="Public key that is trusted."),
    click.Option(["--threshold"], type=click.IntRange(1, 100), default=1, help="How many different signers. [1]"),
    click.Option(["--certificate-identity", "identity"], metavar="NAME", help="Whom the certificate names."),
    click.Option(["--certificate-identity-regexp", "identity_pattern"], metavar="RE2", help="The same, as a pattern."),
    click.Option(["--certificate-oidc-issuer", "issuer"], metavar="URL", help="Who vouched for that."),
    click.Option(["--certificate-oidc-issuer-regexp", "issuer_pattern"], metavar="RE2", help="The same, as a pattern."),
    click.Option(["--roots"], type=_FILE, multiple=True, metavar="FILE", help="Certificates of own authorities (PEM)."),
    click.Option(["--trusted-root"], type=_FILE, metavar="FILE", help="Logs and authorities (trusted_root.json)."),
    click.Option(["--logged"], is_flag=True, help="Demand a proof of a transparency log."),
    click.Option(["--type", "kind"], metavar="TYPE", help="Ask for a statement of this predicate type. [a signature]"),
    click.Option(
        ["-a", "--annotation", "annotations"], multiple=True, metavar="NAME=VALUE", help="Must be signed along."
    ),
    click.Option(["--condition"], metavar="CEL", help="Must hold of the predicate, like 'predicate.passed == true'."),
    click.Option(["--insecure"], is_flag=True, help="Registry without TLS, or without checking it."),
)
