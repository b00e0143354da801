# SPDX-License-Identifier: Apache-2.0
"""Licences as packages write them, as SPDX expressions and as classes that a policy can ask for."""

from tidegate.licences.classes import class_of
from tidegate.licences.expression import expression_of
from tidegate.licences.license_class import LicenseClass

__all__ = ["LicenseClass", "class_of", "expression_of"]
