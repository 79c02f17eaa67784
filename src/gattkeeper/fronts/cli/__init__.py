"""The command line: its verbs, what they do with the keeper, and how answers look to people."""
