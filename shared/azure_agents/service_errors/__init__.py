"""Error answers of the service, read into the tree of `errors`."""
