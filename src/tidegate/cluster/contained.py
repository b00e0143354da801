# SPDX-License-Identifier: Apache-2.0
"""The containers of a pod that run, or ran: by which image, since when, until when, of whose making."""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from tidegate.cluster.pod import ContainerStatus, Pod, Ran
from tidegate.execution.observation import MAX_WORD_CHARS, Container, clean
from tidegate.execution.report import MAX_LABELS, Owner, PodContainer
from tidegate.execution.reviews.break_glass import REASON

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_ID: Final = re.compile(r"[0-9a-f]{64}")
_MAX_LABEL_CHARS: Final = 512
_MAX_TIME_CHARS: Final = 40


def containers_of(pod: Pod, owner: Owner) -> Iterator[PodContainer]:
    """Each run of a container that its node tells of: the one that is, and the one before it.

    Args:
        pod: as the API server says it.
        owner: what it is of in the end: a Deployment, not its ReplicaSet.
    """
    status, images = pod.status, _images(pod)
    statuses = (
        *(status.container_statuses or ()),
        *(status.init_container_statuses or ()),
        *(status.ephemeral_container_statuses or ()),
    )
    for one in statuses:
        before = one.last_state.terminated if one.last_state else None
        if before is not None and before.container_id:
            # What it ran is not told any more: a tag may have meant another image then.
            yield _run(pod, owner, one, before, before.container_id, images, image_id="", ended=True)
        now = one.state
        if now is not None and (ran := now.running or now.terminated) is not None:
            identity = one.container_id or ran.container_id or ""
            yield _run(pod, owner, one, ran, identity, images, image_id=one.image_id or "", ended=now.running is None)


def _run(
    pod: Pod,
    owner: Owner,
    one: ContainerStatus,
    ran: Ran,
    identity: str,
    images: Mapping[str, str],
    *,
    image_id: str,
    ended: bool,
) -> PodContainer:
    meta, image = pod.metadata, images.get(one.name, "")
    digest, config = _identity(image_id)
    return PodContainer(
        container=Container(
            id=_id(identity, f"{meta.uid}/{one.name}/{one.restart_count}"),
            name=_word(one.name),
            image=_word(image),
            namespace=_word(meta.namespace),
            pod=_word(meta.name),
            pod_uid=_word(meta.uid),
            host=_word(pod.spec.node_name or ""),
            digest=digest,
            config=config,
            started_at=_word(ran.started_at or ""),
            starter=_word(meta.author),
        ),
        owner=owner,
        labels=_labels(meta.labels or {}),
        pinned=_pinned(image),
        glass=bool((meta.annotations or {}).get(REASON)),
        ended_at=(ran.finished_at or "")[:_MAX_TIME_CHARS] if ended else "",
        ended=ended,
    )


def _images(pod: Pod) -> Mapping[str, str]:
    spec = pod.spec
    asked = (*spec.containers, *(spec.init_containers or ()), *(spec.ephemeral_containers or ()))
    return {one.name: one.image or "" for one in asked}


def _identity(ref: str) -> tuple[str, str]:
    """Digests of manifest and configuration, of `imageID`: `NAME@sha256:…` is a manifest, `sha256:…` a configuration.

    Docker's of old began with `docker-pullable://` and `docker://`.
    """
    _, at, digest = ref.rpartition("@")
    found = _DIGEST.fullmatch(digest.removeprefix("docker://"))
    number = found[0] if found else ""
    return (number, "") if at else ("", number)


def _pinned(image: str) -> str:
    _, at, digest = image.rpartition("@")
    return digest if at and _DIGEST.fullmatch(digest) else ""


def _id(stated: str, otherwise: str) -> str:
    """The runtime's id (`containerd://64 hexadecimal digits`); where none is told, one made of the run itself."""
    number = stated.rpartition("//")[2]
    return number if _ID.fullmatch(number) else sha256((stated or otherwise).encode()).hexdigest()


def _labels(said: Mapping[str, str]) -> Mapping[str, str]:
    kept = sorted(said.items())[:MAX_LABELS]
    return {clean(name, _MAX_LABEL_CHARS): clean(value, _MAX_LABEL_CHARS) for name, value in kept}


def _word(text: str) -> str:
    return clean(text, MAX_WORD_CHARS)
