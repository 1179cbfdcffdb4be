"""The other end of the pipe: standard library, NumPy and one framework, Python 3.6 or newer; see docs/workers.md."""
