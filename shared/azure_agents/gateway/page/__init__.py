"""The status page: how the gateway is, live in a browser, for whoever may see all keys."""
