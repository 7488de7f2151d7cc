"""The emulator on a loopback port: server, certificate, control, the file of agents."""
