"""Payment gateways, one package each; every one passes `tests/contracts/gateway_contract.py`."""
