# SPDX-License-Identifier: Apache-2.0
"""Who may talk to whom: flows as they are declared and seen, policies made of them, and what policies allow."""
