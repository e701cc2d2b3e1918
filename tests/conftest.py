"""What every test shares: how hypothesis searches."""

import os

from hypothesis import settings

# A shared machine may pause a test for longer than any deadline that would mean something.
settings.register_profile("desk", deadline=None)
# The same examples every time: a red run must be about the change, not about the dice.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
