"""What the API answers, documented."""
