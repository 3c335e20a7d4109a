"""Lets PostgreSQL keep the ledger honest, whoever writes to it and by whatever statement.

- A transaction must have at least two entries and sum to zero when it commits (deferred constraint triggers),
  and is sealed then: entries are accepted only in the database transaction that wrote its header.
- Ledger rows refuse UPDATE and DELETE.
- A wallet's buckets move in exactly one place: the statement trigger that posts freshly inserted entries. It
  runs AFTER the insert, so that a row which ON CONFLICT DO NOTHING skips moves nothing. The guard on the
  wallet asks for the evidence and not for the caller: a bucket may change only to the balance that its newest
  ledger entry notes (newest by transaction, so transactions post in the order of their ids). Outside the
  posting that balance is the one which the bucket already has, so any other UPDATE is refused wherever it
  stands: plain, in a function, a DO block, a CTE, or somebody's own trigger on a temporary table. No setting
  opens it. Each bucket that moves costs one index look-up of the wallet's newest entries.
- The functions that post and check are SECURITY DEFINER: a runtime role needs INSERT on the ledger and no
  right to write the buckets.
- A price that has come into force, and a hold that has ended, cannot be changed; holds and trial grants stay.
- TRUNCATE of any of these tables is refused, for the owner too, in every database but one whose name begins
  with ``test_``: Django's test runner gives that prefix to the throw-away database that it creates, and
  empties it by TRUNCATE between tests. (A switch by SET would open the same door in production.)
- What is left is what only the tables' owner, a superuser or a role that was granted TRIGGER on them can do:
  disable, drop, replace or add a trigger. What then disagrees, ``manage.py audit_ledger`` finds.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION billing_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refuses %: its rows stay as they were written', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION billing_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_database() NOT LIKE 'test\\_%' THEN
        RAISE EXCEPTION '% refuses TRUNCATE', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON billing_ledgertransaction
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON billing_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON billing_trialgrant
    FOR EACH ROW EXECUTE FUNCTION billing_refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON billing_ledgertransaction
    EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON billing_ledgerentry
    EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON billing_trialgrant
    EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON billing_wallet
    EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON billing_hold
    EXECUTE FUNCTION billing_refuse_truncate();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON billing_price
    EXECUTE FUNCTION billing_refuse_truncate();

-- The header's time is the database transaction's, whatever the client says: this is what seals it.
CREATE FUNCTION billing_stamp_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.created_at := transaction_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE INSERT ON billing_ledgertransaction
    FOR EACH ROW EXECUTE FUNCTION billing_stamp_transaction();

CREATE FUNCTION billing_prepare_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    bucket bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM billing_ledgertransaction
                   WHERE id = NEW.transaction_id AND created_at = transaction_timestamp()) THEN
        RAISE EXCEPTION 'ledger transaction % is sealed or does not exist', NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.balance_after_micros := NULL;
    IF NEW.wallet_id IS NOT NULL THEN
        SELECT CASE NEW.account
                   WHEN 'cash' THEN cash_micros
                   WHEN 'bonus' THEN bonus_micros
                   WHEN 'cash_held' THEN cash_held_micros
                   WHEN 'bonus_held' THEN bonus_held_micros
                   WHEN 'refunding' THEN refunding_micros
               END
        INTO bucket FROM billing_wallet WHERE id = NEW.wallet_id FOR NO KEY UPDATE;
        NEW.balance_after_micros := bucket + NEW.amount_micros;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prepare BEFORE INSERT ON billing_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION billing_prepare_entry();

CREATE FUNCTION billing_post_entries() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM posted WHERE wallet_id IS NOT NULL
               GROUP BY wallet_id, account HAVING count(*) > 1) THEN
        RAISE EXCEPTION 'one statement may move a bucket of a wallet only once'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE billing_wallet SET
        cash_micros = cash_micros + delta.cash,
        bonus_micros = bonus_micros + delta.bonus,
        cash_held_micros = cash_held_micros + delta.cash_held,
        bonus_held_micros = bonus_held_micros + delta.bonus_held,
        refunding_micros = refunding_micros + delta.refunding
    FROM (
        SELECT wallet_id,
               coalesce(sum(amount_micros) FILTER (WHERE account = 'cash'), 0) AS cash,
               coalesce(sum(amount_micros) FILTER (WHERE account = 'bonus'), 0) AS bonus,
               coalesce(sum(amount_micros) FILTER (WHERE account = 'cash_held'), 0) AS cash_held,
               coalesce(sum(amount_micros) FILTER (WHERE account = 'bonus_held'), 0) AS bonus_held,
               coalesce(sum(amount_micros) FILTER (WHERE account = 'refunding'), 0) AS refunding
        FROM posted WHERE wallet_id IS NOT NULL GROUP BY wallet_id
    ) AS delta
    WHERE billing_wallet.id = delta.wallet_id;
    RETURN NULL;
END $$;
CREATE TRIGGER post AFTER INSERT ON billing_ledgerentry REFERENCING NEW TABLE AS posted
    FOR EACH STATEMENT EXECUTE FUNCTION billing_post_entries();

CREATE FUNCTION billing_check_transaction() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    checked_id bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint;
    entry_count bigint;
    total numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount_micros), 0) INTO entry_count, total
        FROM billing_ledgerentry WHERE transaction_id = checked_id;
    IF entry_count < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'ledger transaction % has % entries that sum to %', checked_id, entry_count, total
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON billing_ledgertransaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_transaction('id');
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON billing_ledgerentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_check_transaction('transaction_id');

CREATE FUNCTION billing_guard_wallet() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    problem text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT FROM billing_ledgerentry WHERE wallet_id = OLD.id) THEN
            RAISE EXCEPTION 'a wallet with a history stays' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.cash_micros, NEW.bonus_micros, NEW.cash_held_micros, NEW.bonus_held_micros,
            NEW.refunding_micros) <> (0, 0, 0, 0, 0) THEN
            problem := 'a wallet opens empty';
        END IF;
    ELSIF (NEW.id, NEW.user_id) IS DISTINCT FROM (OLD.id, OLD.user_id) THEN
        problem := 'a wallet keeps its owner';
    ELSIF EXISTS (
        SELECT FROM (VALUES
            ('cash', OLD.cash_micros, NEW.cash_micros), ('bonus', OLD.bonus_micros, NEW.bonus_micros),
            ('cash_held', OLD.cash_held_micros, NEW.cash_held_micros),
            ('bonus_held', OLD.bonus_held_micros, NEW.bonus_held_micros),
            ('refunding', OLD.refunding_micros, NEW.refunding_micros)
        ) AS bucket (account, before, after)
        WHERE before IS DISTINCT FROM after AND after IS DISTINCT FROM (
            SELECT balance_after_micros FROM billing_ledgerentry
            WHERE wallet_id = NEW.id AND account = bucket.account ORDER BY transaction_id DESC LIMIT 1
        )
    ) THEN
        problem := 'a balance is moved by ledger entries only, in the order of their transactions';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION '%', problem USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON billing_wallet
    FOR EACH ROW EXECUTE FUNCTION billing_guard_wallet();

CREATE FUNCTION billing_guard_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.valid_from <= clock_timestamp() THEN
        RAISE EXCEPTION 'price % is in force and stays: add a new version', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON billing_price
    FOR EACH ROW EXECUTE FUNCTION billing_guard_price();

CREATE FUNCTION billing_guard_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'held' THEN
        RAISE EXCEPTION 'hold % has ended and stays', OLD.key
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.key, NEW.wallet_id, NEW.price_id, NEW.prompt_tokens, NEW.max_output_tokens,
        NEW.cash_micros, NEW.bonus_micros, NEW.created_at)
        IS DISTINCT FROM
       (OLD.id, OLD.key, OLD.wallet_id, OLD.price_id, OLD.prompt_tokens, OLD.max_output_tokens,
        OLD.cash_micros, OLD.bonus_micros, OLD.created_at) THEN
        RAISE EXCEPTION 'hold % keeps its terms', OLD.key USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE UPDATE ON billing_hold FOR EACH ROW EXECUTE FUNCTION billing_guard_hold();
CREATE TRIGGER refuse_delete BEFORE DELETE ON billing_hold FOR EACH ROW EXECUTE FUNCTION billing_refuse();

-- Without a fixed path, a caller's temporary table named billing_wallet would be moved in its place.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['billing_prepare_entry', 'billing_post_entries', 'billing_check_transaction',
                                'billing_guard_wallet'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;
"""

BACKWARD = """
DROP TRIGGER refuse_delete ON billing_hold;
DROP TRIGGER guard ON billing_hold;
DROP TRIGGER guard ON billing_price;
DROP TRIGGER guard ON billing_wallet;
DROP TRIGGER balanced ON billing_ledgerentry;
DROP TRIGGER balanced ON billing_ledgertransaction;
DROP TRIGGER post ON billing_ledgerentry;
DROP TRIGGER prepare ON billing_ledgerentry;
DROP TRIGGER stamp ON billing_ledgertransaction;
DROP TRIGGER refuse_truncate ON billing_price;
DROP TRIGGER refuse_truncate ON billing_hold;
DROP TRIGGER refuse_truncate ON billing_wallet;
DROP TRIGGER refuse_truncate ON billing_trialgrant;
DROP TRIGGER refuse_truncate ON billing_ledgerentry;
DROP TRIGGER refuse_truncate ON billing_ledgertransaction;
DROP TRIGGER refuse_change ON billing_trialgrant;
DROP TRIGGER refuse_change ON billing_ledgerentry;
DROP TRIGGER refuse_change ON billing_ledgertransaction;
DROP FUNCTION billing_guard_hold();
DROP FUNCTION billing_guard_price();
DROP FUNCTION billing_guard_wallet();
DROP FUNCTION billing_check_transaction();
DROP FUNCTION billing_post_entries();
DROP FUNCTION billing_prepare_entry();
DROP FUNCTION billing_stamp_transaction();
DROP FUNCTION billing_refuse_truncate();
DROP FUNCTION billing_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
