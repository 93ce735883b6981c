-- The messages that show the beginning of an answer which is still written, as JSON; NULL: none.
ALTER TABLE inbox ADD COLUMN drafts TEXT;
