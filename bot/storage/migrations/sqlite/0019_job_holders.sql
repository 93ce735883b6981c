-- The member that works on the run; one whose member is gone is begun again.
ALTER TABLE job_runs ADD COLUMN holder TEXT;
