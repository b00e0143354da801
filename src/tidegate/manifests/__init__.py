# SPDX-License-Identifier: Apache-2.0
"""Documents in YAML and JSON as Kubernetes and Compose read them: plain data within bounds."""
