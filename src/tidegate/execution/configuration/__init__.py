# SPDX-License-Identifier: Apache-2.0
"""ConfigMaps and Secrets, which change without the application they belong to, and are judged by themselves."""
