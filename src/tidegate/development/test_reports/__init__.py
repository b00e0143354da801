# SPDX-License-Identifier: Apache-2.0
"""Reports of tests and analyses, read into test results: `junit`, `sarif`, and `reading`, which tells them apart."""
