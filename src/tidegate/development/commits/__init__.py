# SPDX-License-Identifier: Apache-2.0
"""The commit trail: signatures (`ssh_signature`, `openpgp`, `x509`), trailers, rules, and `trail`, that asks all."""
