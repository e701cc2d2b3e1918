"""Who answers what `ports.py` asks: one outside system per file."""
