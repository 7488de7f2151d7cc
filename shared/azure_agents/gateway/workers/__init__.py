"""Several processes on one port: the parent that keeps them running, what they tell each other."""
