"""The hub's database: the append-only journal and the projections made from it."""
