# SPDX-License-Identifier: Apache-2.0
"""Source provenance of a commit: where it lies, who signed it and its tag, and what guards its branch."""

from tidegate.development.commits.signature import SignatureFinding
from tidegate.development.commits.verifying import Verifier
from tidegate.development.git.repository import Repository
from tidegate.evidence.predicates.commits import SignatureState
from tidegate.evidence.predicates.source import Protection, SourceProvenance, SourceSignature


def source_provenance(
    repository: Repository,
    commit: str,
    verifier: Verifier,
    *,
    address: str = "",
    ref: str = "",
    protection: Protection | None = None,
) -> SourceProvenance:
    """What can be said of a commit.

    Args:
        repository: where it lies.
        commit: a name of it.
        verifier: whose signatures count.
        address: URL of the repository; "" takes its remote's.
        ref: the branch it is on.
        protection: of that branch, as a forge tells it.

    Raises:
        NotFoundError: there is no such commit.
        InvalidInputError: the repository has no address, or an object is malformed.
    """
    name = repository.resolve(commit)
    (found,) = repository.commits([name])
    tags = repository.tags_of(name)
    signed = [(tag, verifier.of_tag(tag)) for tag in tags]
    # Of several tags one that somebody known signed.
    signed.sort(key=lambda pair: pair[1].state is not SignatureState.GOOD)
    tag, of_tag = signed[0] if signed else (None, None)
    return SourceProvenance(
        repository=address or repository.address or repository.folder.resolve().as_uri(),
        commit=name,
        tree=found.tree,
        ref=ref or (protection.ref if protection else ""),
        tag=tag.name if tag else "",
        signature=_signature(verifier.of_commit(found)),
        tag_signature=_signature(of_tag) if of_tag else None,
        protection=protection,
    )


def _signature(finding: SignatureFinding) -> SourceSignature | None:
    if finding.state is SignatureState.NONE:
        return None
    good = finding.state is SignatureState.GOOD
    signer = ", ".join(finding.signers)[:1000] if good else ""
    return SourceSignature(form=finding.form or "unknown", verified=good, signer=signer, key=finding.key)
