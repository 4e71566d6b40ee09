"""Demographic methods: labelled functions, each with its formula and source."""
