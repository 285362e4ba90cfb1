"""Plan registers: what the plans ask for, as data, read and checked."""
