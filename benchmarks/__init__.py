"""Figures: what coldwatch reaches, beside what design.md asks for. `python -m benchmarks` prints all."""
