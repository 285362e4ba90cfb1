"""A result in PostGIS: published there whole, and fetched from there to be served."""
