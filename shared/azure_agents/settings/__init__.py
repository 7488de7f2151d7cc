"""What a client is built with: endpoint, environment, options, headers, timeouts, anchor key."""
