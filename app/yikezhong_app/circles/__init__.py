"""Circles at any place and limit, computed when they are asked for."""
