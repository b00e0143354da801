# SPDX-License-Identifier: Apache-2.0
"""What the Kubernetes API server asks (admission.k8s.io/v1), and what it is answered."""
