"""Ways in which a message leaves: one module for each, all with the contract of `contract`."""
