"""The hub: takes records in, judges them, stores them, holds batches and tells people."""
