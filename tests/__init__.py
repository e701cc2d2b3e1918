"""The tests are a package, so that `python -m tests.simulation` can never find somebody else's `tests`."""
