# SPDX-License-Identifier: Apache-2.0
"""Kinds of event, and their delivery."""

from tidegate.events.event import Event, EventKind, kinds_named

__all__ = ["Event", "EventKind", "kinds_named"]
