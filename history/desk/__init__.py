"""The desk tool `coldwatch history`: puts the store, its statistics and the hub's settings together."""
