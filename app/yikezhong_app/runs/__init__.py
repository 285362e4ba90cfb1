"""From a checked study to the numbers of a run."""
