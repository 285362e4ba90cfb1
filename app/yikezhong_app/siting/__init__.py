"""Siting on a finished result: a request in, a checked plan out."""
