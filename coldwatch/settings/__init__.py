"""`coldwatch settings`: what the hub hands out to devices."""
