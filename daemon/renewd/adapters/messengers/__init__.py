"""Messengers, one file each; every one passes `tests/contracts/messenger_contract.py`. `message` they share."""
