-- The periods of days, read after the ledger's lock is shared, so that a close that was under way is seen.
CREATE OR REPLACE FUNCTION finance_periods(days date[])
RETURNS TABLE ("on" date, period uuid, state varchar) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7211);
    RETURN QUERY SELECT d, p.id, p.state FROM unnest(days) d
                 LEFT JOIN finance_period p ON d BETWEEN p.starts_on AND p.ends_on;
END $$;

-- Taken by close: waits for postings under way, and holds new ones back until it has committed.
CREATE OR REPLACE FUNCTION finance_close_lock() RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock(7211)
$$;

-- An entry's lines are written by one statement, and balance.
CREATE OR REPLACE FUNCTION finance_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE unbalanced uuid;
BEGIN
    SELECT entry_id INTO unbalanced FROM fresh
    GROUP BY entry_id HAVING sum(CASE side WHEN 'debit' THEN amount ELSE -amount END) <> 0 LIMIT 1;
    IF unbalanced IS NOT NULL THEN
        RAISE EXCEPTION 'entry % does not balance', unbalanced USING ERRCODE = '23514', CONSTRAINT = 'finance_entry_balances';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER finance_entry_balances AFTER INSERT ON finance_entryline
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION finance_entry_balances();
