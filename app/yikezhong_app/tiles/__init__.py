"""Boundaries of many divisions as vector tiles, built once and served by us."""
