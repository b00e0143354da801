# SPDX-License-Identifier: Apache-2.0
"""What signing and verifying an image needs: who signs, where the image lies, and where its signatures do."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from tidegate.artifact import Descriptor, Digest, Index, Reference, Repository
from tidegate.artifact import media_type as mt
from tidegate.assembly.outward import build_outbound, build_registry_client
from tidegate.clock import Clock
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.evidence import Statement
from tidegate.evidence.predicates.signatures import Verification
from tidegate.key_file import read_private_key_file
from tidegate.oci.archive import ArchiveBlobs, open_tar
from tidegate.oci.blobs import Blobs
from tidegate.oci.change_archive import changing_archive
from tidegate.oci.choose import load_manifest
from tidegate.oci.layout import LayoutBlobs
from tidegate.oci.registry import RegistryClient
from tidegate.oci.repository_blobs import RepositoryBlobs
from tidegate.oci.signatures import LayoutPlace, RegistryPlace, SignaturePlace, signatures_on
from tidegate.oci.store_signature import LayoutShelf, RegistryShelf, SignatureShelf
from tidegate.oci.target import Scheme as TargetScheme
from tidegate.oci.target import Target
from tidegate.oci.whole import Whole, open_whole
from tidegate.settings import Settings
from tidegate.signing.certificate import SignerCertificate, load_certificates
from tidegate.signing.key_service import is_key_service, open_key_service
from tidegate.signing.keys import Signer, SigningKey
from tidegate.signing.scheme import Scheme
from tidegate.values import replace
from tidegate.verification.followed_policy import FollowedTrustPolicy
from tidegate.verification.judge import judge
from tidegate.verification.policy import TrustPolicy
from tidegate.verification.reading import read_all
from tidegate.verification.statement import signatures_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedImage:
    """An image, and where its signatures are read and stored.

    Attributes:
        root: its manifest or index.
        reference: where it lies; None for a layout.
        shelf: where something is stored; None for an archive that was opened to be read.
    """

    root: Descriptor
    blobs: Blobs
    reference: Reference | None
    place: SignaturePlace
    shelf: SignatureShelf | None

    @property
    def repository(self) -> str:
        """`registry/name`; "" for a layout."""
        return f"{self.reference.registry}/{self.reference.repository}" if self.reference else ""

    def children(self) -> list[Descriptor]:
        """The manifests below an index, all of them; none for an image.

        Raises:
            InvalidInputError: a manifest is broken or hostile.
        """
        found: list[Descriptor] = []
        waiting: list[tuple[Descriptor, tuple[Digest, ...]]] = [(self.root, ())]
        while waiting:
            descriptor, path = waiting.pop()
            node = load_manifest(descriptor, self.blobs, path)
            if isinstance(node, Index):
                found += node.manifests
                waiting += [(child, (*path, descriptor.digest)) for child in node.manifests]
        return list({one.digest: one for one in found}.values())


@contextmanager
def open_signed_image(
    settings: Settings, target: Target, *, insecure: bool, signs: bool = False
) -> Iterator[SignedImage]:
    """Opens an image in a registry, a layout folder or an archive of one; leaving the block closes what it opened.

    Args:
        settings: name proxies and logins.
        target: the image.
        insecure: no TLS, or none that is checked.
        signs: something will be stored; an archive is written anew when the block ends well.

    Raises:
        UsageError: it lies where no signature can lie beside it.
        TidegateError: it is broken, missing, or cannot be reached.
    """
    with ExitStack() as stack:
        if target.reference is not None:
            outbound = stack.enter_context(build_outbound(settings, insecure=insecure))
            client = build_registry_client(settings, outbound)
            whole = _of_registry(stack, target, client, target.reference)
            place: SignaturePlace = RegistryPlace(client, target.reference)
            shelf: SignatureShelf | None = RegistryShelf(client, target.reference)
        elif target.scheme is TargetScheme.OCI_ARCHIVE and target.path is not None and not signs:
            place, shelf = LayoutPlace(ArchiveBlobs(stack.enter_context(open_tar(target.path)))), None
            whole = stack.enter_context(open_whole(target))
        elif target.scheme is TargetScheme.OCI_ARCHIVE and target.path is not None:
            layout = stack.enter_context(changing_archive(target.path))
            place, shelf = LayoutPlace(LayoutBlobs(layout)), LayoutShelf(layout)
            whole = stack.enter_context(open_whole(replace(target, scheme=TargetScheme.OCI, path=layout)))
        elif target.path is not None and target.path.is_dir():
            whole = stack.enter_context(open_whole(target))
            place, shelf = LayoutPlace(LayoutBlobs(target.path)), LayoutShelf(target.path)
        else:
            raise UsageError(
                "has no place for signatures",
                where=target.text,
                remedy="write oci:DIR, oci-archive:FILE or registry:REFERENCE",
            )
        yield SignedImage(root=whole.root, blobs=whole.blobs, reference=target.reference, place=place, shelf=shelf)


def verify_image(
    settings: Settings, policy: TrustPolicy, target: Target, *, insecure: bool, at: datetime
) -> Verification:
    """Verifies what hangs on what a target names, index or image; raises as `verify_found`."""
    with open_signed_image(settings, target, insecure=insecure) as opened:
        return _verified(opened, policy, opened.root.digest, at)


def shelf_signatures(
    settings: Settings, registry: str, clock: Clock
) -> Callable[[SignaturePlace, Sequence[Digest], Sequence[Repository]], Statement] | None:
    """What verifies signatures on the shelf by the trust policy as it is then; None when the settings name none.

    An image must be good in each of its repositories; one that is signed by the index it belongs to is signed.

    Raises:
        TidegateError: the policy, or what it names, is missing or wrong.
    """
    file = settings.signing.trust_policy_file
    if file is None:
        return None
    followed = FollowedTrustPolicy(file)

    def verify(place: SignaturePlace, subjects: Sequence[Digest], repositories: Sequence[Repository]) -> Statement:
        at, policy = clock(), followed.now()
        found = [read_all(signatures_on(place, subject)) for subject in subjects]
        worst: Verification | None = None
        for repository in [f"{registry}/{one}" for one in repositories] or [""]:
            judged = [judge(read, one, repository, policy, at) for read, one in zip(found, subjects, strict=True)]
            best = next((one for one in judged if one.verified), judged[0])
            worst = best if worst is None or not best.verified else worst
            if not worst.verified:
                break
        return signatures_statement(cast("Verification", worst), subjects[0])

    return verify


def verify_found(
    settings: Settings, policy: TrustPolicy, target: Target, image: Digest, *, insecure: bool, at: datetime
) -> Verification:
    """Verifies what hangs on an image where it lies: on itself, or else on the index it was taken from.

    Raises:
        UsageError: it lies where no signature can lie beside it.
        TidegateError: it cannot be reached.
    """
    with open_signed_image(settings, target, insecure=insecure) as opened:
        own = _verified(opened, policy, image, at)
        if own.verified or opened.root.digest == image or image not in {one.digest for one in opened.children()}:
            return own
        whole = _verified(opened, policy, opened.root.digest, at)
        return whole if whole.verified else own


def _verified(opened: SignedImage, policy: TrustPolicy, digest: Digest, at: datetime) -> Verification:
    return judge(read_all(signatures_on(opened.place, digest)), digest, opened.repository, policy, at)


def _of_registry(stack: ExitStack, target: Target, client: RegistryClient, reference: Reference) -> Whole:
    """What a reference names: a registry may keep its bytes back until it is signed, but tells its digest.

    A tag is read where it may be, so that its digest is of bytes that were seen.
    """
    if reference.digest is not None and (told := _told(client, reference)) is not None:
        return told
    try:
        return stack.enter_context(open_whole(target, registry=client))
    except OutsideError:
        told = _told(client, reference)
        if told is None:
            raise
        return told


def _told(client: RegistryClient, reference: Reference) -> Whole | None:
    found = client.head(reference)
    if found is None or found.media_type not in mt.MANIFESTS | mt.INDEXES:
        return None
    if reference.digest not in {None, found.digest}:
        return None
    return Whole(root=found, blobs=RepositoryBlobs(client, replace(reference, digest=found.digest), {}))


def load_signer(text: str, scheme: Scheme | None = None) -> Signer:
    """Opens the private key that `FILE`, `FILE:PASSWORD_FILE` or the URI of a key service names.

    Args:
        text: as the user wrote it.
        scheme: how it shall sign; None for what cosign verifies without being told.

    Raises:
        NotFoundError, UsageError, InvalidInputError, OutsideError: as the file or the service has it.
    """
    if is_key_service(text):
        if scheme is not None:
            raise UsageError("a key service signs as its key is set up", where="--scheme", remedy="leave it out")
        return open_key_service(text)
    data, password, where = read_private_key_file(text)
    key = SigningKey.parse(data, password=password, where=where)
    return key.signing_as(scheme or _as_cosign(key))


def load_signer_certificate(signer: Signer, file: Path, chain: Sequence[Path]) -> SignerCertificate:
    """Reads a signer's certificate, which must be of its key.

    Raises:
        NotFoundError: a file is missing.
        InvalidInputError: it holds no certificate, or one of another key.
    """
    first, *rest = load_certificates(file)
    found = SignerCertificate(first, (*rest, *(one for path in chain for one in load_certificates(path))))
    if found.key.key_id != signer.verifying.key_id:
        raise InvalidInputError("is a certificate of another key", where=str(file))
    return found


def _as_cosign(key: SigningKey) -> Scheme:
    """Cosign takes an RSA key to sign with PKCS#1 v1.5, and cannot be told otherwise."""
    own = key.verifying.schemes
    return Scheme.RSA_PKCS1 if Scheme.RSA_PKCS1 in own else own[0]
