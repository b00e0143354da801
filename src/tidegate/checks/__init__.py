# SPDX-License-Identifier: Apache-2.0
"""How images, Dockerfiles, Compose files and Kubernetes manifests are set up, judged by rules in CEL."""
