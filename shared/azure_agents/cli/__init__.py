"""The command line: `azure-agents demo`, `emulator`, `chat`, `serve`, `agents` and others."""
