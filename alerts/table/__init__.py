"""``coldwatch excursions``: any logger's table, judged by the very engine."""
