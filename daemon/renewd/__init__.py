"""Renews subscriptions before they expire: scan, charge, retry, extend, audit."""

__version__ = "0.1.0"
