# SPDX-License-Identifier: Apache-2.0
"""What people say of findings: OpenVEX, CSAF and CycloneDX statements and ignore files, read, written and applied."""
