# SPDX-License-Identifier: Apache-2.0
"""The judgement: rules, exceptions and `decide`; pure."""
