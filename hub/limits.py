"""How much the hub takes at once."""

from __future__ import annotations

from typing import Final

# About what 1,000 devices may have under way; beyond it the agents send again.
QUEUE_BYTES: Final = 64_000_000
# Twice what an agent has under way at its largest (firmware_agent: four messages of half a
# megabyte); whoever has more waiting than this floods.
DEVICE_BYTES: Final = 4_000_000
# What a message takes in memory beside its payload; an empty one is not free.
MESSAGE_OVERHEAD: Final = 500
# Ten to a thousand messages a commit; longer batches would only delay the answers.
BATCH_MESSAGES: Final = 256
BATCH_BYTES: Final = 8_000_000
# What one device gives before the next one's turn comes: some twenty small messages, or one large.
TURN_BYTES: Final = 32_000
# What one device gives to a batch, that is 5,000 readings and a twentieth of a second: everybody
# else waits for the batch.
DEVICE_BATCH_BYTES: Final = 1_000_000
