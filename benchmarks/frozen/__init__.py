"""Frozen copy of the projection kernel, what ``benchmarks/gate.py`` measures the present one by."""
