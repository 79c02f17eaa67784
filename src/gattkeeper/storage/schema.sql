-- The journal's file, schema 1. Knows tables and what may be done to them; what a row means stands in model.record.
--
-- Made once, in a file of its own that is then given its name: a journal exists whole or not at all.

BEGIN;

PRAGMA application_id = 0x47415454; -- "GATT": tells our files from everybody else's
PRAGMA user_version = 1;            -- the schema's number; a higher one is refused

CREATE TABLE journal (
    seq             INTEGER PRIMARY KEY, -- 1, 2, 3, ... without a gap
    kind            TEXT NOT NULL,       -- the record's tag: accepted, intended, ...
    command_id      TEXT,                -- NULL in rows about the keeper itself
    device          TEXT,                -- of an accepted command; NULL elsewhere
    idempotency_key TEXT,                -- of an accepted command that has one; NULL elsewhere
    utc_us          INTEGER NOT NULL,    -- wall clock when the row was appended: for people, never to decide
    mono_us         INTEGER NOT NULL,    -- monotonic clock at the same moment; compares within one boot only
    boot_id         TEXT NOT NULL,       -- which boot that was; empty where the system does not say
    body            BLOB NOT NULL,       -- the record, as JSON
    prev_hash       BLOB,                -- reserved for the chain over the rows
    hash            BLOB
) STRICT;

CREATE INDEX journal_command ON journal (command_id, seq) WHERE command_id IS NOT NULL;
CREATE INDEX journal_idempotency_key ON journal (idempotency_key, seq) WHERE idempotency_key IS NOT NULL;

-- Accepted and not ended. Follows from the journal and could be made anew from it; kept because finding
-- these rows after a crash must not mean reading a log of years. Triggers keep it in the same transaction.
CREATE TABLE open_command (
    command_id TEXT PRIMARY KEY,
    seq        INTEGER NOT NULL -- of its accepted row
) STRICT, WITHOUT ROWID;

-- Also what stops INSERT OR REPLACE, which removes rows without asking the trigger on DELETE.
CREATE TRIGGER journal_is_gapless BEFORE INSERT ON journal
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM journal)
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: seq must be the next number');
END;

CREATE TRIGGER journal_is_never_updated BEFORE UPDATE ON journal
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: UPDATE is refused');
END;

CREATE TRIGGER journal_is_never_deleted BEFORE DELETE ON journal
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: DELETE is refused');
END;

CREATE TRIGGER journal_accepted AFTER INSERT ON journal WHEN NEW.kind = 'accepted'
BEGIN
    INSERT OR IGNORE INTO open_command (command_id, seq) VALUES (NEW.command_id, NEW.seq);
END;

CREATE TRIGGER journal_ended AFTER INSERT ON journal WHEN NEW.kind = 'ended'
BEGIN
    DELETE FROM open_command WHERE command_id = NEW.command_id;
END;

-- Ended unknown and not resolved: what holds a safety device, also after a restart. Kept like the above.
CREATE TABLE unresolved_command (
    command_id TEXT PRIMARY KEY,
    seq        INTEGER NOT NULL -- of its ended row
) STRICT, WITHOUT ROWID;

CREATE TRIGGER journal_ended_unknown AFTER INSERT ON journal
WHEN NEW.kind = 'ended' AND json_extract(CAST(NEW.body AS TEXT), '$.outcome.verdict') = 'unknown'
BEGIN
    INSERT OR IGNORE INTO unresolved_command (command_id, seq) VALUES (NEW.command_id, NEW.seq);
END;

CREATE TRIGGER journal_resolved AFTER INSERT ON journal WHEN NEW.kind = 'resolved'
BEGIN
    DELETE FROM unresolved_command WHERE command_id = NEW.command_id;
END;

COMMIT;
