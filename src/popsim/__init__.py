"""Population projection by parity, and what birth-support policies change."""

__version__ = "0.1.0"
