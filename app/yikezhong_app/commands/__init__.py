"""The commands of ``yikezhong``, a file each, and what they print."""
