# SPDX-License-Identifier: Apache-2.0
"""Tells owners what waits in a record, in a process of its own that is killed: `tell_until_killed.py URL PORT`."""

import sys
from datetime import timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any

from feedback_stand import FeedbackStand
from webhook_stand import NOW, Stand

from tidegate.curation.feedback.courier import Courier
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

receiver: Any = SimpleNamespace(port=int(sys.argv[2]))
stand = Stand(database=Database(sys.argv[1]), at=NOW + timedelta(hours=1))
told = FeedbackStand(stand=stand, receivers=(receiver,))
leases = Leases(stand.database, "killed", seconds=1)
Courier(stand.database, told.composer, told.sender, leases, stand.clock).start()
Event().wait(240)
