# SPDX-License-Identifier: Apache-2.0
"""Where an image comes from: `content` (its files beside a commit's), `provenance`, `verdict` over all of it."""
