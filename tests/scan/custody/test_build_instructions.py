# SPDX-License-Identifier: Apache-2.0
"""Which instruction made a layer, in the words of each builder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.artifact import ImageConfig, Platform
from tidegate.artifact.image_config import HistoryEntry
from tidegate.scan.custody.instruction import Act, copied_layers, steps_of


def config(*history: HistoryEntry) -> ImageConfig:
    return ImageConfig(platform=Platform(os="linux", architecture="amd64"), diff_ids=(), history=history)


@pytest.mark.parametrize(
    ("created_by", "comment", "act", "instruction"),
    [
        ("/bin/sh -c #(nop) ADD file:4b03b5 in / ", "", Act.COPY, "ADD file:4b03b5 in /"),
        ("/bin/sh -c #(nop) COPY dir:4b03b5 in /app ", "", Act.COPY, "COPY dir:4b03b5 in /app"),
        ("/bin/sh -c #(nop) WORKDIR /app", "", Act.OTHER, "WORKDIR /app"),
        (
            "/bin/sh -c apt-get update &&     apt-get install -y curl",
            "",
            Act.RUN,
            "RUN /bin/sh -c apt-get update && apt-get install -y curl",
        ),
        ("|1 VERSION=1.2 /bin/sh -c make install", "", Act.RUN, "RUN |1 VERSION=1.2 /bin/sh -c make install"),
        ("COPY --chown=1000 . /app # buildkit", "buildkit.dockerfile.v0", Act.COPY, "COPY --chown=1000 . /app"),
        ("RUN /bin/sh -c echo COPY # buildkit", "buildkit.dockerfile.v0", Act.RUN, "RUN /bin/sh -c echo COPY"),
        ("RUN |1 A=b /bin/sh -c true # buildkit", "buildkit.dockerfile.v0", Act.RUN, "RUN |1 A=b /bin/sh -c true"),
        ("WORKDIR /app", "buildkit.dockerfile.v0", Act.OTHER, "WORKDIR /app"),
        ("ADD rootfs.tar.xz / # buildkit", "buildkit.dockerfile.v0", Act.COPY, "ADD rootfs.tar.xz /"),
        ("jib-maven-plugin:3.4.0", "classes", Act.COPY, "jib-maven-plugin:3.4.0"),
        ("jib-maven-plugin:3.4.0", "dependencies", Act.OTHER, "jib-maven-plugin:3.4.0"),
        ("ko build ko://example/cmd", "go build output, at ko://example/cmd", Act.COPY, "ko build ko://example/cmd"),
        ("bazel build ...", "", Act.OTHER, "bazel build ..."),
        ("apko", "This is an apko single-layer image", Act.OTHER, "apko"),
        ("COPYING things", "", Act.OTHER, "COPYING things"),
        ("", "", Act.OTHER, ""),
    ],
)
def test_the_words_of_builders(created_by: str, comment: str, act: Act, instruction: str) -> None:
    (step,) = steps_of(config(HistoryEntry(created_by=created_by, comment=comment)), 1)
    assert step is not None
    assert (step.act, step.instruction) == (act, instruction)


def test_entries_without_a_layer_are_stepped_over() -> None:
    told = config(
        HistoryEntry(created_by="ADD a /"),
        HistoryEntry(created_by="ENV A=b", empty_layer=True),
        HistoryEntry(created_by="RUN x"),
        HistoryEntry(created_by="CMD x", empty_layer=True),
        HistoryEntry(created_by="COPY b /"),
    )
    steps = steps_of(told, 3)
    assert [(step.number, step.act) for step in steps if step] == [(1, Act.COPY), (3, Act.RUN), (5, Act.COPY)]
    assert copied_layers(told, 3) == (True, False, True)


def test_a_history_of_other_layers_tells_nothing() -> None:
    told = config(HistoryEntry(created_by="COPY a /"))
    assert steps_of(told, 2) == (None, None)
    assert copied_layers(told, 2) == (False, False)
    assert steps_of(None, 1) == (None,)


@pytest.mark.property
@given(st.lists(st.builds(HistoryEntry, created_by=st.text(), comment=st.text(), empty_layer=st.booleans())))
def test_whatever_is_written_there_is_a_step_a_layer(history: list[HistoryEntry]) -> None:
    layers = sum(not entry.empty_layer for entry in history)
    steps = steps_of(config(*history), layers)
    assert len(steps) == layers
    assert all(step is not None and len(step.instruction) <= 4200 for step in steps)
