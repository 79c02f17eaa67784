"""The Unix socket: newline-delimited JSON for programs, framed text for the command line."""
