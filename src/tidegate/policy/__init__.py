# SPDX-License-Identifier: Apache-2.0
"""The judgement: rules in YAML and CEL, exceptions, and `decide`, which is pure.

Import by module: `document` and `profile` (load), `decide`, `context`, `exception`, `vsa`, `testing`, `explain`. The
CEL runtime behind them takes 30 ms to import, so nothing is imported here.
"""
