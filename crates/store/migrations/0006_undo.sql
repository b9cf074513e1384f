-- remembered: whether what the plan's steps did counts for plannings however long ago it was: it took something back, or did such a thing again.
ALTER TABLE plans ADD COLUMN remembered BIGINT NOT NULL DEFAULT 0;

-- When the images of a run's journal were removed; 0 while they are kept.
ALTER TABLE runs ADD COLUMN swept BIGINT NOT NULL DEFAULT 0;
