"""Convolutions in plain NumPy, as adapters run them: fast enough to be timed, and nothing but NumPy needed."""
