"""Scenarios: changes to facilities and roads, compared with the baseline."""
