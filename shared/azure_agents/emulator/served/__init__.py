"""The server on a loopback port: certificate, control over HTTP, agents from a file, command."""
