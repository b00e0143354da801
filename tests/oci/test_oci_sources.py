# SPDX-License-Identifier: Apache-2.0
"""Opening images: what we write, what skopeo writes, what `docker save` wrote; the same image comes out of each."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tidegate.artifact import Descriptor, Platform, media_type
from tidegate.errors import InvalidInputError, NotFoundError, UsageError
from tidegate.oci.choose import host_platform
from tidegate.oci.image import Folder, Image, Layer
from tidegate.oci.open import open_target
from tidegate.oci.target import Scheme, parse_target
from tidegate.oci.write import (
    BuiltLayer,
    Compression,
    LayerBuilder,
    pack_docker_archive,
    pack_oci_archive,
    write_blob,
    write_image,
    write_index,
)

Tool = Callable[..., str]


def content(layer: Layer) -> bytes:
    with layer.open() as stream:
        data = b"".join(iter(lambda: stream.read(1000), b""))
    assert len(data) == layer.descriptor.size
    assert "sha256:" + hashlib.sha256(data).hexdigest() == layer.descriptor.digest
    return data


def opened(text: str, platform: Platform | None = None) -> tuple[Image, list[bytes]]:
    with open_target(parse_target(text), platform=platform) as image:
        assert isinstance(image, Image)
        return image, [content(layer) for layer in image.layers]


@pytest.mark.parametrize("compression", list(Compression))
def test_a_layout_and_its_archives_hold_the_same_image(
    tmp_path: Path, layout: Path, layers: list[BuiltLayer], compression: Compression
) -> None:
    archive = pack_oci_archive(layout, tmp_path / "image.tar", compression=compression)
    image, blobs = opened(f"oci:{layout}:1")
    assert blobs == [layer.read() for layer in layers]
    assert [layer.diff_id for layer in image.layers] == [layer.diff_id for layer in layers]
    assert image.config.user == "1000"
    assert image.manifest is not None
    assert image.manifest.digest == image.digest
    again, same = opened(f"oci-archive:{archive}:1")
    assert (again.digest, again.config_bytes, same) == (image.digest, image.config_bytes, blobs)


@pytest.mark.parametrize("compression", list(Compression))
def test_a_docker_archive_holds_layers_as_they_lie(
    tmp_path: Path, layers: list[BuiltLayer], compression: Compression
) -> None:
    archive = pack_docker_archive(
        tmp_path / "image.tar", layers, tags=["localhost/team/app:1", "app:2"], compression=compression
    )
    image, blobs = opened(f"docker-archive:{archive}:localhost/team/app:1")
    assert blobs == [layer.read() for layer in layers]
    assert image.manifest is None
    assert image.digest == "sha256:" + hashlib.sha256(image.config_bytes).hexdigest()
    kinds = [layer.descriptor.media_type for layer in image.layers]
    assert kinds == [media_type.DOCKER_LAYER_GZIP, media_type.OCI_LAYER_ZSTD, media_type.DOCKER_LAYER]
    for name in ("app:1", "1", "2"):
        assert opened(f"docker-archive:{archive}:{name}")[0].digest == image.digest


@pytest.mark.tools
def test_reads_what_skopeo_writes(tmp_path: Path, layout: Path, skopeo: Tool, layers: list[BuiltLayer]) -> None:
    write_image(layout, "packed", layers[:2])  # skopeo would pack what is plain
    skopeo("copy", "-q", f"oci:{layout}:packed", f"oci-archive:{tmp_path}/oci.tar:tag")
    write_image(layout, "old", [layers[0], layers[2]])  # docker's archives know no zstd
    skopeo("copy", "-q", f"oci:{layout}:old", f"docker-archive:{tmp_path}/docker.tar:localhost/app:1")
    skopeo("copy", "-q", f"oci:{layout}:packed", f"oci:{tmp_path}/copy:tag")
    ours, blobs = opened(f"oci:{layout}:packed")
    for text in (f"{tmp_path}/oci.tar", f"{tmp_path}/copy"):
        image, same = opened(text)
        assert (image.digest, same) == (ours.digest, blobs)
    image, plain = opened(f"{tmp_path}/docker.tar")
    assert [hashlib.sha256(data).hexdigest() for data in plain] == [layers[0].diff_id.hex, layers[2].diff_id.hex]


@pytest.mark.tools
def test_skopeo_reads_what_we_write(tmp_path: Path, layout: Path, skopeo: Tool, layers: list[BuiltLayer]) -> None:
    pack_oci_archive(layout, tmp_path / "oci.tar", compression=Compression.GZIP)
    pack_docker_archive(tmp_path / "docker.tar", layers)
    archives = [f"oci-archive:{tmp_path}/oci.tar"] if os.geteuid() == 0 else []  # it unpacks them with their owners
    for text in (f"oci:{layout}:1", *archives, f"docker-archive:{tmp_path}/docker.tar"):
        told = json.loads(skopeo("inspect", "--config", text))
        assert told["rootfs"]["diff_ids"] == [layer.diff_id for layer in layers]
        skopeo("copy", "-q", text, f"dir:{tmp_path}/out")


@pytest.mark.shared_data
def test_reads_a_real_docker_save(shared_data: Path) -> None:
    image, (layer,) = opened(str(shared_data / "images/alpine-3.10.4-docker-save.tar.gz"))
    assert image.config.platform == Platform(os="linux", architecture="amd64")
    assert "sha256:" + hashlib.sha256(layer).hexdigest() == image.config.diff_ids[0]
    assert image.digest.hex == "af341ccd2df8b0e2d67cf8dd32e087bfda4e5756ebd1c76bbf3efa0dc246590e"


def test_members_may_be_links_to_other_members(tmp_path: Path) -> None:
    layer = LayerBuilder(compression=Compression.PLAIN).file("a", "a").build()
    pack_docker_archive(tmp_path / "plain.tar", [layer, layer])
    with tarfile.open(tmp_path / "plain.tar") as plain, tarfile.open(tmp_path / "linked.tar", "w") as linked:
        parts = {member.name: plain.extractfile(member).read() for member in plain}  # type: ignore[union-attr] # files
        manifest = json.loads(parts["manifest.json"])
        (name,) = set(manifest[0]["Layers"])
        manifest[0]["Layers"] = ["one/layer.tar", "two/layer.tar"]
        parts["manifest.json"] = json.dumps(manifest).encode()
        parts["one/layer.tar"] = parts.pop(name)
        for part, data in parts.items():
            info = tarfile.TarInfo(part)
            info.size = len(data)
            linked.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("two/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../one/layer.tar"
        linked.addfile(link)
    assert opened(f"docker-archive:{tmp_path}/linked.tar")[1] == [layer.read(), layer.read()]


def test_a_newer_docker_save_is_read_by_its_index(tmp_path: Path, layout: Path) -> None:
    (layout / "manifest.json").write_text("[]")
    archive = pack_oci_archive(layout, tmp_path / "save.tar")
    assert parse_target(str(archive)).scheme is Scheme.DOCKER_ARCHIVE
    assert opened(str(archive))[0].digest == opened(f"oci:{layout}")[0].digest


def test_a_layer_is_read_by_many_threads_at_once(tmp_path: Path, layout: Path) -> None:
    archive = pack_oci_archive(layout, tmp_path / "image.tar")
    for text in (f"oci:{layout}", f"oci-archive:{archive}"):
        with open_target(parse_target(text)) as image, ThreadPoolExecutor(4) as pool:
            assert isinstance(image, Image)
            for layer in image.layers:
                assert len(set(pool.map(content, [layer] * 8))) == 1


AMD, ARM = Platform(os="linux", architecture="amd64"), Platform(os="linux", architecture="arm64")
ARM7, ARM6 = (Platform(os="linux", architecture="arm", variant=text) for text in ("v7", "v6"))


def images(layout: Path, *platforms: Platform) -> list[Descriptor]:
    return [
        write_image(layout, None, [LayerBuilder().file("arch", str(platform)).build()], platform=platform)
        for platform in platforms
    ]


def test_an_index_is_chosen_from_by_platform(tmp_path: Path) -> None:
    children = images(tmp_path, AMD, ARM, ARM6, ARM7)
    unknown = Platform(os="unknown", architecture="unknown")
    attestation = Descriptor(
        media_type=media_type.OCI_MANIFEST, digest=children[0].digest, size=children[0].size, platform=unknown
    )
    write_index(tmp_path, "multi", [attestation, *children])
    for child in children:
        assert opened(f"oci:{tmp_path}:multi", child.platform)[0].digest == child.digest
    for child in children:
        if child.platform == host_platform():
            assert opened(f"oci:{tmp_path}:multi")[0].digest == child.digest
    with pytest.raises(NotFoundError, match=r"s390x; there are: linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64"):
        opened(f"oci:{tmp_path}:multi", Platform.parse("linux/s390x"))


def test_without_this_machines_platform_the_others_are_listed(tmp_path: Path) -> None:
    write_index(tmp_path, "multi", images(tmp_path, *map(Platform.parse, ("linux/mips", "linux/s390x"))))
    with pytest.raises(NotFoundError, match="linux/mips, linux/s390x"):
        opened(f"oci:{tmp_path}:multi")


def test_the_only_image_is_taken_when_no_platform_is_asked_for(tmp_path: Path) -> None:
    (child,) = images(tmp_path, Platform.parse("linux/s390x"))
    write_index(tmp_path, "multi", [child])
    assert opened(f"oci:{tmp_path}:multi")[0].digest == child.digest
    with pytest.raises(NotFoundError):
        opened(f"oci:{tmp_path}:multi", AMD)


def test_a_single_image_must_be_for_the_platform_asked_for(layout: Path) -> None:
    assert opened(f"oci:{layout}", AMD)
    with pytest.raises(NotFoundError, match="no image for linux/arm64; there are: linux/amd64"):
        opened(f"oci:{layout}", ARM)


def test_nested_indexes_are_followed_four_deep(tmp_path: Path) -> None:
    (child,) = images(tmp_path, AMD)
    for depth in range(1, 6):
        parent = write_index(tmp_path, f"d{depth}", [child])
        child = Descriptor(media_type=parent.media_type, digest=parent.digest, size=parent.size)
    assert opened(f"oci:{tmp_path}:d4")
    with pytest.raises(InvalidInputError, match="max_index_depth = 4"):
        opened(f"oci:{tmp_path}:d5")


def test_an_index_wide_in_indexes_is_bounded(tmp_path: Path) -> None:
    children = [write_index(tmp_path, None, [], annotations={"n": str(at)}) for at in range(70)]
    write_index(tmp_path, "wide", children)
    with pytest.raises(InvalidInputError, match="max_indexes = 64"):
        opened(f"oci:{tmp_path}:wide")


def test_an_unknown_name_tells_those_there_are(layout: Path, layers: list[BuiltLayer]) -> None:
    write_image(layout, "two", layers[:1])
    with pytest.raises(NotFoundError, match="no image named 'three'; there are: 1, two"):
        opened(f"oci:{layout}:three")
    with pytest.raises(UsageError, match="holds several images; append :NAME, one of 1, two"):
        opened(f"oci:{layout}")


def test_an_image_is_chosen_by_digest(layout: Path, layers: list[BuiltLayer]) -> None:
    unnamed = write_image(layout, None, layers[:1])
    assert opened(f"oci:{layout}@{unnamed.digest}")[0].digest == unnamed.digest
    with pytest.raises(NotFoundError, match="no image sha256:0000"):
        opened(f"oci:{layout}@sha256:{'0' * 64}")


def test_platforms_are_read_from_the_images_where_the_index_states_none(tmp_path: Path) -> None:
    children = images(tmp_path, AMD, ARM)
    bare = [Descriptor(media_type=one.media_type, digest=one.digest, size=one.size) for one in children]
    write_index(tmp_path, "bare", bare)
    for child in children:
        assert opened(f"oci:{tmp_path}:bare", child.platform)[0].digest == child.digest
    with pytest.raises(NotFoundError, match="there are: linux/amd64, linux/arm64"):
        opened(f"oci:{tmp_path}:bare", ARM7)


def test_artifacts_beside_an_image_are_passed_over(tmp_path: Path) -> None:
    (child,) = images(tmp_path, AMD)
    empty = write_blob(tmp_path, b"{}", media_type.OCI_EMPTY)
    document = {
        "schemaVersion": 2,
        "mediaType": media_type.OCI_MANIFEST,
        "config": {"mediaType": empty.media_type, "digest": empty.digest, "size": 2},
        "layers": [],
    }
    artifact = write_blob(tmp_path, json.dumps(document).encode(), media_type.OCI_MANIFEST)
    write_index(tmp_path, "both", [artifact, child])
    assert opened(f"oci:{tmp_path}:both")[0].digest == child.digest


def test_a_folder_is_a_folder(tmp_path: Path) -> None:
    with open_target(parse_target(f"rootfs:{tmp_path}")) as folder:
        assert folder == Folder(name=f"rootfs:{tmp_path}", root=tmp_path)


def test_an_artifact_is_no_image(tmp_path: Path) -> None:
    empty = write_blob(tmp_path, b"{}", media_type.OCI_EMPTY)
    child = write_blob(
        tmp_path,
        json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": media_type.OCI_MANIFEST,
                "config": {"mediaType": empty.media_type, "digest": empty.digest, "size": 2},
                "layers": [],
            }
        ).encode(),
        media_type.OCI_MANIFEST,
    )
    write_index(tmp_path, "x", [child])
    with pytest.raises(InvalidInputError, match=r"not an image: its configuration is application/vnd.oci.empty"):
        opened(f"oci:{tmp_path}:x")
