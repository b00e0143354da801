# SPDX-License-Identifier: Apache-2.0
"""Fixtures of tests on a real control plane."""

from collections.abc import Iterator

import pytest

from cluster import Cluster, cluster


@pytest.fixture(scope="module")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server alone: nothing makes pods of workloads, and nothing runs them."""
    with cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running
