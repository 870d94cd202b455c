"""Settings of every test: property tests search the same ground each time; the soak lane roams."""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None)
settings.register_profile("soak", deadline=None)
settings.load_profile("soak" if os.environ.get("GODWIT_SOAK") else "repeatable")
