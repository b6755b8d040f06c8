"""Probes: the contract, the checks between raw and recorded value, one folder per driver."""
