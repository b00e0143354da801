# SPDX-License-Identifier: Apache-2.0
"""Delivers what waits in a record, in a process of its own that is killed: `deliver_until_killed.py URL PORT`."""

import sys
from threading import Event
from types import SimpleNamespace
from typing import Any

from webhook_stand import Stand

from tidegate.curation.vending.delivery_pool import DeliveryPool
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

receiver: Any = SimpleNamespace(port=int(sys.argv[2]))
stand = Stand(database=Database(sys.argv[1]))
leases = Leases(stand.database, "killed", seconds=1)
DeliveryPool(stand.database, stand.delivery(receiver), stand.directory, leases).start()
Event().wait(120)
