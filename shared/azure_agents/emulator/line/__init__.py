"""The connection between client and service: exchanges, faults on them, transports in process."""
