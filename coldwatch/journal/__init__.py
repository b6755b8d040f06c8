"""`coldwatch journal`: the record of everything decided, looked into and proved."""
