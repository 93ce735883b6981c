-- The images that came with a task, until a week after its end; `images` says how many there were.
ALTER TABLE tasks ADD COLUMN images INTEGER NOT NULL DEFAULT 0;
CREATE TABLE task_images (
    task_id  TEXT NOT NULL,
    number   INTEGER NOT NULL,               -- their order, from 0
    content  BLOB NOT NULL,
    PRIMARY KEY (task_id, number)
);
