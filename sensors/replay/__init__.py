"""A probe that plays back a table that some logger recorded."""
