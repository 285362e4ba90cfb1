"""Where the tasks of a run are done: here, in a pool of processes, on a cluster."""
