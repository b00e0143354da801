# SPDX-License-Identifier: Apache-2.0
"""The execution tier: workloads, their hardening, the gate before they run, and the record of where they do."""
