"""How much the hub takes at once."""

from __future__ import annotations

from typing import Final

# About what 1,000 devices may have under way; beyond it the agents send again.
QUEUE_BYTES: Final = 64_000_000
# What a message takes in memory beside its payload; an empty one is not free.
MESSAGE_OVERHEAD: Final = 500
# Ten to a thousand messages a commit; longer batches would only delay the answers.
BATCH_MESSAGES: Final = 256
BATCH_BYTES: Final = 8_000_000
