# SPDX-License-Identifier: Apache-2.0
"""`python -m tidegate`."""

import sys

from tidegate.cli import main

sys.exit(main())
