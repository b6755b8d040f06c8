"""The steps, in order; `journal.migrations` says how one is added."""
