"""The addresses of the service, one topic to a module; each exports ``router``."""
