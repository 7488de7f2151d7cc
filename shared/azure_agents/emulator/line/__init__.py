"""The line between client and service: in-process transports and what can go wrong on them."""
