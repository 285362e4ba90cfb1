"""The tables of a snapshot, a file each."""
