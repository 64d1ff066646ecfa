CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE SEQUENCE IF NOT EXISTS kernel_audit_seq;
CREATE SEQUENCE IF NOT EXISTS kernel_outbox_seq;

-- The transaction's number, for reading in commit order against a snapshot's xmin.
CREATE OR REPLACE FUNCTION banyan_xid() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL RESTRICTED AS $$ SELECT pg_current_xact_id()::text::bigint $$;

-- Everything below this number has ended in this database: no row with a smaller xid can still appear. What another
-- database of the same server has open is left out; what cannot be told apart holds back, such as a prepared transaction.
CREATE OR REPLACE FUNCTION banyan_horizon() RETURNS bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED AS $$
    SELECT least(
        (SELECT min(open.xid) FROM (SELECT pg_snapshot_xip(s)::text::bigint AS xid) open
         WHERE NOT EXISTS (
             SELECT FROM pg_stat_get_activity(NULL) a
             WHERE a.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
               AND a.backend_xid::text::bigint = open.xid & 4294967295)),
        pg_current_xact_id_if_assigned()::text::bigint,
        pg_snapshot_xmax(s)::text::bigint)
    FROM pg_current_snapshot() s
$$;

-- Find: text as it is compared, the column that is searched, its bigrams, and the bigrams of a term.
CREATE OR REPLACE FUNCTION banyan_normal(t text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT lower(normalize(t, NFKC)) $$;

CREATE OR REPLACE FUNCTION banyan_find_text(VARIADIC parts text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN RETURN left(lower(normalize(array_to_string(parts, ' '), NFKC)), 2000); END $$;

-- It runs for every row written and every index built: a loop takes a twentieth of the time of a query here. What is
-- found twice stands twice, which neither the index nor @> minds.
CREATE OR REPLACE FUNCTION banyan_bigrams(t text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    a text[] := string_to_array(t, NULL);
    n int := coalesce(cardinality(a), 0);
    found text[] := coalesce(a, '{}');
BEGIN
    FOR i IN 1 .. n - 1 LOOP found[n + i] := a[i] || a[i + 1]; END LOOP;
    RETURN found;
END $$;

CREATE OR REPLACE FUNCTION banyan_query_bigrams(term text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN cardinality(c.a) < 2 THEN c.a
                ELSE (SELECT array_agg(DISTINCT c.a[i] || c.a[i + 1]) FROM generate_series(1, cardinality(c.a) - 1) i)
           END
    FROM (SELECT string_to_array(banyan_normal(term), NULL) AS a) c
$$;

-- History: what a statement changed, row by row, whoever wrote it. Arguments: parent column, derived columns.
CREATE OR REPLACE FUNCTION banyan_history() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    owner text := TG_ARGV[0];
    derived text[] := TG_ARGV[1]::text[];
    actor text := coalesce(nullif(current_setting('banyan.actor', true), ''), 'sql|' || session_user);
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO kernel_history ("table", record, parent, operation, new, actor)
        SELECT TG_TABLE_NAME, (r.j ->> 'id')::uuid, (r.j ->> owner)::uuid, 'insert', r.j - derived, actor
        FROM (SELECT to_jsonb(n) AS j FROM fresh n) r;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO kernel_history ("table", record, parent, operation, old, actor)
        SELECT TG_TABLE_NAME, (r.j ->> 'id')::uuid, (r.j ->> owner)::uuid, 'delete', r.j - derived, actor
        FROM (SELECT to_jsonb(o) AS j FROM stale o) r;
    ELSE
        -- Both versions of a row are brought together by grouping: a join of transition tables, of whose size
        -- the planner knows nothing, compares every row with every other.
        INSERT INTO kernel_history ("table", record, parent, operation, old, new, actor)
        SELECT TG_TABLE_NAME, c.id, (c.becomes ->> owner)::uuid, 'update', d.old, d.new, actor
        FROM (
            SELECT v.id, (array_agg(v.j) FILTER (WHERE NOT v.is_new))[1] AS was,
                   (array_agg(v.j) FILTER (WHERE v.is_new))[1] AS becomes
            FROM (SELECT id, true AS is_new, to_jsonb(f) - derived AS j FROM fresh f
                  UNION ALL
                  SELECT id, false, to_jsonb(s) - derived FROM stale s) v
            GROUP BY v.id
        ) c, LATERAL (
            SELECT jsonb_object_agg(e.key, c.was -> e.key) AS old, jsonb_object_agg(e.key, e.value) AS new
            FROM jsonb_each(c.becomes) e WHERE e.value IS DISTINCT FROM c.was -> e.key
        ) d
        WHERE c.was IS DISTINCT FROM c.becomes;
    END IF;
    RETURN NULL;
END $$;

-- What lies beside a record goes with it: comments, attachments and inbox items name it without a foreign key.
CREATE OR REPLACE FUNCTION banyan_beside() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- a statement that deletes nothing ends here: an inbox item is a record itself, and would go on for ever
    IF NOT EXISTS (SELECT FROM stale) THEN RETURN NULL; END IF;
    DELETE FROM kernel_comment WHERE record IN (SELECT id FROM stale);
    DELETE FROM kernel_attachment WHERE record IN (SELECT id FROM stale);
    DELETE FROM kernel_inboxitem WHERE record IN (SELECT id FROM stale);
    RETURN NULL;
END $$;

-- Ledgers: rows are added, never altered.
CREATE OR REPLACE FUNCTION banyan_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is a ledger: rows are added, never altered', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

-- A steady table gets a new stamp whenever it is written (kernel/steady.py).
CREATE OR REPLACE FUNCTION banyan_steady() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO kernel_stamp (name, stamp) VALUES (TG_TABLE_NAME, gen_random_uuid())
    ON CONFLICT (name) DO UPDATE SET stamp = excluded.stamp;
    RETURN NULL;
END $$;
