"""A probe that is none: a file that a simulator writes, or a formula of the time."""
