"""One version of a result, indexed for reading, as rows for people."""
