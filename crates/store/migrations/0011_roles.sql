-- What the holder of a token may do where people and programs act (an API token, a log-in): viewer operator approver admin; '' where a
-- token opens something that knows no roles.
ALTER TABLE tokens ADD COLUMN role TEXT NOT NULL DEFAULT '';
