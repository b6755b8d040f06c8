"""`python -m coldwatch` is the command `coldwatch`."""

from __future__ import annotations

import sys

from coldwatch.cli import main

sys.exit(main())
