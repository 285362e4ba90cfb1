"""The immutable result of a run, and what is kept about how it was made."""
