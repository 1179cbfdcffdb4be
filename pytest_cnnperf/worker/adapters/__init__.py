"""Adapters: one file with one class `Adapter` for each framework, loaded by its path."""
