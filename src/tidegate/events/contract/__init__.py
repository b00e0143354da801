# SPDX-License-Identifier: Apache-2.0
"""What the data of each kind of event is: shapes, a roster of them, and the AsyncAPI document made of it."""

from tidegate.events.contract.roster import ROSTER, Told

__all__ = ["ROSTER", "Told"]
