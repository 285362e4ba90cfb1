"""Foreign files are opened in a child process that can do little and die alone."""
