"""The UV lamp: off unless everything says that it may be on (design.md, invariant 7)."""
