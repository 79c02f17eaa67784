-- The journal's file, schema 3. Knows tables and what may be done to them; what a row means stands in model.record.
--
-- Made once, in a file of its own that is then given its name: a journal exists whole or not at all.

BEGIN;

PRAGMA application_id = 0x47415454; -- "GATT": tells our files from everybody else's
PRAGMA user_version = 3;            -- the schema's number; any other is refused

-- One row: what the chain of this file begins with. See chain.Segment.
CREATE TABLE segment (
    number        INTEGER PRIMARY KEY,
    first_seq     INTEGER NOT NULL,
    install_id    TEXT NOT NULL,
    made_utc_us   INTEGER NOT NULL,
    previous_hash BLOB NOT NULL CHECK (length(previous_hash) = 32),
    carried_hash  BLOB NOT NULL CHECK (length(carried_hash) = 32)
) STRICT;

CREATE TABLE journal (
    seq             INTEGER PRIMARY KEY, -- first_seq and up, without a gap
    kind            TEXT NOT NULL,       -- the record's tag: accepted, intended, ...
    command_id      TEXT,                -- NULL in rows about the keeper itself
    device          TEXT,                -- of an accepted command; NULL elsewhere
    idempotency_key TEXT,                -- of an accepted command that has one; NULL elsewhere
    utc_us          INTEGER NOT NULL,    -- wall clock when the row was appended: for people, never to decide
    mono_us         INTEGER NOT NULL,    -- monotonic clock at the same moment; compares within one boot only
    boot_id         TEXT NOT NULL,       -- which boot that was; empty where the system does not say
    clock_synced    INTEGER,             -- whether the system kept its wall clock right: 1, 0, or NULL: nobody knows
    body            BLOB NOT NULL,       -- the record, as JSON
    hash            BLOB NOT NULL CHECK (length(hash) = 32) -- over the row before and all of this one: chain.link
) STRICT;

CREATE INDEX journal_command ON journal (command_id, seq) WHERE command_id IS NOT NULL;
CREATE INDEX journal_keeper ON journal (seq) WHERE command_id IS NULL;
CREATE INDEX journal_idempotency_key ON journal (idempotency_key, seq) WHERE idempotency_key IS NOT NULL;

-- Copies from the segment before: the rows of commands that were open or unresolved at its end, so that the sealed
-- file is not needed to go on. The segment's own hash covers them.
CREATE TABLE carried (
    seq             INTEGER PRIMARY KEY,
    kind            TEXT NOT NULL,
    command_id      TEXT,
    device          TEXT,
    idempotency_key TEXT,
    utc_us          INTEGER NOT NULL,
    mono_us         INTEGER NOT NULL,
    boot_id         TEXT NOT NULL,
    clock_synced    INTEGER,
    body            BLOB NOT NULL,
    hash            BLOB NOT NULL
) STRICT;

CREATE INDEX carried_command ON carried (command_id, seq);

-- Idempotency keys of segments before that may still be used again.
CREATE TABLE carried_key (
    idempotency_key TEXT PRIMARY KEY,
    command_id      TEXT NOT NULL,
    utc_us          INTEGER NOT NULL -- when it was accepted
) STRICT, WITHOUT ROWID;

-- Accepted and not ended. Follows from the journal and could be made anew from it; kept because finding
-- these rows after a crash must not mean reading a log of years. Triggers keep it in the same transaction.
CREATE TABLE open_command (
    command_id TEXT PRIMARY KEY,
    seq        INTEGER NOT NULL -- of its accepted row
) STRICT, WITHOUT ROWID;

CREATE TRIGGER segment_is_one BEFORE INSERT ON segment WHEN EXISTS (SELECT 1 FROM segment)
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: a file has one beginning');
END;

CREATE TRIGGER segment_is_never_updated BEFORE UPDATE ON segment
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: UPDATE is refused');
END;

CREATE TRIGGER segment_is_never_deleted BEFORE DELETE ON segment
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: DELETE is refused');
END;

CREATE TRIGGER carried_is_complete BEFORE INSERT ON carried WHEN EXISTS (SELECT 1 FROM segment)
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: what a file carries is written before its beginning');
END;

CREATE TRIGGER carried_is_never_updated BEFORE UPDATE ON carried
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: UPDATE is refused');
END;

CREATE TRIGGER carried_is_never_deleted BEFORE DELETE ON carried
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: DELETE is refused');
END;

CREATE TRIGGER carried_key_is_complete BEFORE INSERT ON carried_key WHEN EXISTS (SELECT 1 FROM segment)
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: what a file carries is written before its beginning');
END;

CREATE TRIGGER carried_key_is_never_updated BEFORE UPDATE ON carried_key
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: UPDATE is refused');
END;

CREATE TRIGGER carried_key_is_never_deleted BEFORE DELETE ON carried_key
BEGIN
    SELECT raise(ABORT, 'the journal is append-only: DELETE is refused');
END;

-- Also what stops INSERT OR REPLACE, which removes rows without asking the trigger on DELETE.
CREATE TRIGGER journal_is_gapless BEFORE INSERT ON journal
WHEN NEW.seq IS NOT coalesce((SELECT max(seq) + 1 FROM journal), (SELECT first_seq FROM segment))
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
