# SPDX-License-Identifier: Apache-2.0
"""Programs that make images of Dockerfiles (buildah, podman, BuildKit): found, driven, ended, cleaned up after."""

from tidegate.builders.order import Builder, BuilderName, BuildOrder, BuiltStages, Secret, Step

__all__ = ["BuildOrder", "Builder", "BuilderName", "BuiltStages", "Secret", "Step"]
