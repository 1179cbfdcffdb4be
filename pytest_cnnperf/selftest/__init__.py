"""The self-test: whether the judge keeps its promises on this machine, and whether every fault is caught.

It lies above the run, whose line, workers and rules it uses unchanged.
"""
