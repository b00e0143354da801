# SPDX-License-Identifier: Apache-2.0
"""Rollouts of updates at an API server: begun, watched, taken back by themselves."""
