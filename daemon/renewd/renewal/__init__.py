"""What a renewal is, and what it needs next. Pure: no clock, no network, no database, no chance."""
