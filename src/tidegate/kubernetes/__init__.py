# SPDX-License-Identifier: Apache-2.0
"""How a Kubernetes API server is asked: who asks, within which bounds, and what its refusals mean here."""
