"""What somebody does to a journal's file who may write it: triggers are no obstacle.

Knows SQLite. What is found afterwards is the tests' business.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

KEPT_RIGHT = (
    "DELETE FROM open_command",
    """INSERT INTO open_command SELECT command_id, seq FROM journal
       WHERE kind = 'accepted' AND command_id NOT IN (SELECT command_id FROM journal WHERE kind = 'ended')""",
)
"""Statements that make what the triggers keep fit the rows again."""


def tamper(file: Path, *statements: str) -> None:
    """Statements on one file, sealed or not, with the triggers out of the way."""
    file.chmod(0o600)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, sql in triggers:
            connection.execute(sql)
