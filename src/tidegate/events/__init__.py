# SPDX-License-Identifier: Apache-2.0
"""Kinds of event, and their delivery."""

from tidegate.events.event import Event, EventKind

__all__ = ["Event", "EventKind"]
