"""Coldwatch: the command itself, and the demo that shows the whole way of a reading."""

# The only place where the version stands; CHANGELOG.md has an entry for each.
__version__ = "0.1.0"
