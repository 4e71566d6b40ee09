"""Policies: scenario files, doses, responses and their cost."""
