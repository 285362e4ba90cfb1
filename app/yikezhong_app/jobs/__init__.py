"""Heavy work beside the service, in a bounded pool of processes."""
