"""The command line: `azure-agents demo`, `emulator`, `chat`, `agents` and `cancel`."""
