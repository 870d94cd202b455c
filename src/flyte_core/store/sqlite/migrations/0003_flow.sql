-- Edges that an action brings along when it is created lie in its own row, and cost no page of their own:
-- JSON, [[number of the source, its path, parameter, path, relation, confidence], ...]. Those that are
-- told later are in `edge`.
ALTER TABLE action ADD COLUMN flow TEXT;
