"""PostGIS: how it is reached, and how a study reads its layers from tables."""
