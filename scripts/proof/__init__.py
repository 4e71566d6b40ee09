"""Writes the pages that set popsim beside what happened: ``python -m scripts.proof``."""
