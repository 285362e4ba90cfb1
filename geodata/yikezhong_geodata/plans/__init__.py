"""Plan registers: what the plans ask for, as data."""
