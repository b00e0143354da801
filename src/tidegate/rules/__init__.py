# SPDX-License-Identifier: Apache-2.0
"""The language rules are written in: YAML that knows its places, CEL over typed fields. It knows no rule."""
