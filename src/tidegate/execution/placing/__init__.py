# SPDX-License-Identifier: Apache-2.0
"""Where workloads may run: strategies of the house and demands of images, written into what the scheduler reads."""
