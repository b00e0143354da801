# SPDX-License-Identifier: Apache-2.0
"""Safe fixes of Dockerfiles and manifests: only what a finding asks for is edited, and that it helped is proved."""
