-- What was set aside is counted without reading all that ever came in.
CREATE INDEX inbox_set_aside ON inbox (id) WHERE state = 'quarantined';
