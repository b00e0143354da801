# SPDX-License-Identifier: Apache-2.0
"""A folder of sources as a developer asks of it: all that is wrong in one order, what is new, what costs nothing again.

`git_ignored` says what is no part of it, `tree_of_git` what another commit or the index held, `comparing` what is new,
`kept` remembers what a tree held, `concern` and `ranking` put everything found into one order.
"""
