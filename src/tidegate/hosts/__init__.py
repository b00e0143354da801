# SPDX-License-Identifier: Apache-2.0
"""What a host that runs containers tells of itself: kernel, runtimes, Kubernetes, files, ports, processes."""
