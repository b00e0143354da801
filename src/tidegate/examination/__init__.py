# SPDX-License-Identifier: Apache-2.0
"""Facts joined with knowledge: one scan report per image, by `tidegate.examination.report.full_report`; no verdict."""
