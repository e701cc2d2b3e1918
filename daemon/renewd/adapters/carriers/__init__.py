"""Carriers, one file each; every one passes `tests/contracts/carrier_contract.py`."""
