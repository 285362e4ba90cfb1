"""Files that an officer brings: checked apart, shown, and only then made part."""
