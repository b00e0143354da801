# SPDX-License-Identifier: Apache-2.0
"""Lock files and manifests of source folders: what is to be installed, one file a family of formats."""
