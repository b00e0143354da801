# SPDX-License-Identifier: Apache-2.0
"""What can be checked of the twelve factors (12factor.net) in a source folder: advice, each with a reason and a fix."""
