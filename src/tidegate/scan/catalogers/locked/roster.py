# SPDX-License-Identifier: Apache-2.0
"""All formats of lock files and manifests there are. A new one is added here; a test finds the one forgotten."""

from typing import Final

from tidegate.scan.catalogers.locked.bun import BUN_LOCK
from tidegate.scan.catalogers.locked.cargo import CARGO_LOCK
from tidegate.scan.catalogers.locked.cocoapods import PODFILE_LOCK
from tidegate.scan.catalogers.locked.composer import COMPOSER_LOCK
from tidegate.scan.catalogers.locked.conan import CONAN_LOCK, CONANFILE
from tidegate.scan.catalogers.locked.conda import CONDA_ENVIRONMENT, CONDA_LOCK
from tidegate.scan.catalogers.locked.deno import DENO_LOCK
from tidegate.scan.catalogers.locked.deployment import CHART_LOCK, TERRAFORM_LOCK
from tidegate.scan.catalogers.locked.form import LockedForm
from tidegate.scan.catalogers.locked.gem import GEMFILE_LOCK
from tidegate.scan.catalogers.locked.github_actions import GITHUB_ACTIONS
from tidegate.scan.catalogers.locked.gomod import GO_MOD, GO_WORK
from tidegate.scan.catalogers.locked.gradle import GRADLE_LOCK, GRADLE_VERIFICATION, SBT_LOCK, VERSION_CATALOG
from tidegate.scan.catalogers.locked.haskell import CABAL_FREEZE, STACK_LOCK
from tidegate.scan.catalogers.locked.hex import MIX_LOCK, REBAR_LOCK
from tidegate.scan.catalogers.locked.julia import JULIA_MANIFEST
from tidegate.scan.catalogers.locked.npm import NPM_LOCK
from tidegate.scan.catalogers.locked.nuget import NUGET_ASSETS, NUGET_CONFIG, NUGET_LOCK, NUGET_PROJECT
from tidegate.scan.catalogers.locked.opam import OPAM_LOCKED
from tidegate.scan.catalogers.locked.pnpm import PNPM_LOCK
from tidegate.scan.catalogers.locked.pom import POM
from tidegate.scan.catalogers.locked.pub import PUBSPEC_LOCK
from tidegate.scan.catalogers.locked.python_locks import PDM_LOCK, PIPFILE_LOCK, POETRY_LOCK, PYLOCK
from tidegate.scan.catalogers.locked.python_projects import PYPROJECT, SETUP_CFG, SETUP_PY
from tidegate.scan.catalogers.locked.renv import RENV_LOCK
from tidegate.scan.catalogers.locked.requirements import REQUIREMENTS
from tidegate.scan.catalogers.locked.swift import PACKAGE_RESOLVED
from tidegate.scan.catalogers.locked.uv import UV_LOCK
from tidegate.scan.catalogers.locked.vcpkg import VCPKG
from tidegate.scan.catalogers.locked.yarn import YARN_LOCK

LOCKED: Final[tuple[LockedForm, ...]] = (
    NPM_LOCK,
    YARN_LOCK,
    PNPM_LOCK,
    BUN_LOCK,
    DENO_LOCK,
    REQUIREMENTS,
    PIPFILE_LOCK,
    POETRY_LOCK,
    PDM_LOCK,
    UV_LOCK,
    PYLOCK,
    PYPROJECT,
    SETUP_PY,
    SETUP_CFG,
    GO_MOD,
    GO_WORK,
    CARGO_LOCK,
    GEMFILE_LOCK,
    COMPOSER_LOCK,
    POM,
    GRADLE_LOCK,
    GRADLE_VERIFICATION,
    VERSION_CATALOG,
    SBT_LOCK,
    NUGET_LOCK,
    NUGET_ASSETS,
    NUGET_CONFIG,
    NUGET_PROJECT,
    MIX_LOCK,
    REBAR_LOCK,
    PUBSPEC_LOCK,
    PACKAGE_RESOLVED,
    PODFILE_LOCK,
    CONAN_LOCK,
    CONANFILE,
    RENV_LOCK,
    STACK_LOCK,
    CABAL_FREEZE,
    JULIA_MANIFEST,
    VCPKG,
    OPAM_LOCKED,
    GITHUB_ACTIONS,
    CONDA_ENVIRONMENT,
    CONDA_LOCK,
    TERRAFORM_LOCK,
    CHART_LOCK,
)
