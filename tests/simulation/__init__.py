"""Seeded lives of renewd, with every fault its providers, its database and its operator can have. See driver.py."""
