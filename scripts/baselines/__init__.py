"""Builds the embedded baselines from the cited tables in ``scripts/sources``.

Run ``python -m scripts.baselines`` from the project's root. popsim itself never
imports this package; it reads the tables that are written here.
"""
