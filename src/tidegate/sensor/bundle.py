# SPDX-License-Identifier: Apache-2.0
"""What runtimes write down of a container beside its bundle: podman, CRI-O, containerd (CRI, nerdctl) and docker.

`config.json` is the OCI runtime-spec's; each runtime says what it calls a container in annotations there, or in a file
of its own: containers/storage in `containers.json` and `images.json`, docker in `config.v2.json`, containerd in its
database.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, TypeVar

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import InvalidInputError
from tidegate.execution.observation import MAX_WORD_CHARS, Container, clean
from tidegate.sensor.containerd import by_containerd
from tidegate.values import Struct, msgspec

MAX_CONFIG_BYTES: Final = 4 * MIB
MAX_STORE_BYTES: Final = 64 * MIB
_CRI: Final = "io.kubernetes.cri."
_CRIO: Final = "io.kubernetes.cri-o."
_NERDCTL: Final = "nerdctl/"
_T = TypeVar("_T")


def describe(bundle: Path, number: str, *, root: Path = Path("/")) -> Container:
    """The container of a bundle, as far as anything says; what is broken says nothing.

    Args:
        bundle: a folder with `config.json`.
        number: the container's id.
        root: the root that absolute paths of its runtime are named from.
    """
    config = _json(bundle / "config.json", _Config, MAX_CONFIG_BYTES) or _Config()
    notes = config.annotations
    found = (
        _by_storage(bundle, number)
        or _by_docker(config, number, root)
        or by_containerd(bundle, number, root)
        or Container(id=number)
    )

    def said(*names: str) -> str:
        return _word(next((notes[one] for one in names if notes.get(one)), ""))

    image = said(_CRI + "image-name", _CRIO + "ImageName")
    identity = said(_CRIO + "ImageRef")
    return Container(
        id=number,
        name=said(_CRI + "container-name", _CRIO + "ContainerName", _NERDCTL + "name") or found.name,
        image=image or found.image,
        namespace=said(_CRI + "sandbox-namespace", _CRIO + "Namespace"),
        pod=said(_CRI + "sandbox-name", _CRIO + "KubeName"),
        digest=_pinned(image) or found.digest,
        config=_as_digest(identity) or found.config,
    )


def _by_storage(bundle: Path, number: str) -> Container | None:
    """By containers/storage, which podman and CRI-O stand on: it keeps a list beside its bundles."""
    place = bundle / "../.."
    containers = _json(place / "containers.json", list[_Stored], MAX_STORE_BYTES) or []
    stored = next((one for one in containers if one.id == number), None)
    if stored is None:
        return None
    driver = place.resolve().name.removesuffix("-containers")
    images = _json(place / f"../{driver}-images/images.json", list[_Image], MAX_STORE_BYTES) or []
    image = next((one for one in images if one.id == stored.image), _Image(id=""))
    return Container(
        id=number,
        name=_word(next(iter(stored.names), "")),
        image=_word(stored.image_name),
        digest=_as_digest(image.digest),
        config=_as_digest(stored.image),
    )


def _by_docker(config: "_Config", number: str, root: Path) -> Container | None:
    """By docker: the folder it keeps a container's files in is one that files are mounted from."""
    sources = (mount.source for mount in config.mounts)
    folders = (Path(source).parent for source in sources if Path(source).parent.name == number)
    folder = next((one for one in folders if one.is_absolute() and ".." not in one.parts), None)
    if folder is None:
        return None
    own = _json(root / str(folder).lstrip("/") / "config.v2.json", _Docker, MAX_CONFIG_BYTES)
    if own is None:
        return None
    manifest = own.image_manifest.digest if own.image_manifest else ""
    return Container(
        id=number,
        name=_word(own.name.lstrip("/")),
        image=_word(own.config.image),
        digest=_as_digest(manifest),
        config=_as_digest(own.image),
    )


def _json(path: Path, kind: type[_T], limit: int) -> _T | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(read_bounded(file, max_bytes=limit, what=str(path)), type=kind)
    except (OSError, InvalidInputError, msgspec.MsgspecError, ValueError, RecursionError):
        return None


class _Mount(Struct, frozen=True):
    source: str = ""


class _Config(Struct, frozen=True):
    annotations: Mapping[str, str] = {}
    mounts: tuple[_Mount, ...] = ()


class _Stored(Struct, frozen=True):
    id: str
    names: tuple[str, ...] = ()
    image: str = ""
    metadata: str = ""

    @property
    def image_name(self) -> str:
        try:
            return msgspec.json.decode(self.metadata, type=_Metadata).image_name
        except msgspec.MsgspecError:
            return ""


class _Metadata(Struct, frozen=True, rename="kebab"):
    image_name: str = ""


class _Image(Struct, frozen=True):
    id: str
    digest: str = ""


class _DockerConfig(Struct, frozen=True, rename="pascal"):
    image: str = ""


class _DockerManifest(Struct, frozen=True):
    digest: str = ""


class _Docker(Struct, frozen=True, rename="pascal"):
    name: str = ""
    image: str = ""
    config: _DockerConfig = _DockerConfig()
    image_manifest: Annotated[_DockerManifest | None, msgspec.Meta(description="of newer ones")] = None


def _pinned(image: str) -> str:
    _, at, digest = image.partition("@")
    return _as_digest(digest) if at else ""


def _as_digest(text: str) -> str:
    """`sha256:…` of what is one, with or without the algorithm's name; "" for anything else."""
    number = text.rpartition("@")[2].removeprefix("sha256:")
    is_one = len(number) == 64 and all(one in "0123456789abcdef" for one in number)  # noqa: PLR2004 - sha256
    return f"sha256:{number}" if is_one else ""


def _word(text: str) -> str:
    return clean(text, MAX_WORD_CHARS)
