# SPDX-License-Identifier: Apache-2.0
"""The admission webhook: a small server of its own, which needs no database and no registry."""
