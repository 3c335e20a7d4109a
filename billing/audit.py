"""Decides whether the books are right: every rule of the ledger recounted from its rows, in one snapshot."""

from dataclasses import dataclass

from django.db import connection

DEVIATIONS_SHOWN = 20


@dataclass(frozen=True)
class Rule:
    """A rule: SQL that counts what it covers, and SQL that lists ``subject, detail`` of what breaks it."""

    title: str
    covered: str
    broken: str


@dataclass(frozen=True)
class Finding:
    """What the audit found for one rule; ``examples`` holds at most DEVIATIONS_SHOWN of the deviations."""

    title: str
    covered: int
    deviations: int
    examples: tuple[str, ...]


def _terms_broken(kinds: str, terms: str) -> str:
    """Return SQL that lists the transactions whose entries differ from what their records ask for.

    ``terms`` selects every entry that the records ask for: kind, key, wallet (0 for none), account, amount.
    It works both ways: a record without its transaction is found, and so is a transaction of these ``kinds``
    that no record asks for.
    """
    return f"""
            SELECT '交易 ' || key || '（' || kind || '）' AS subject, string_agg(
                account || coalesce(' 钱包 #' || nullif(wallet, 0), '') ||
                ' 应记 ' || coalesce(due.amount, 0) || '，实记 ' || coalesce(booked.amount, 0),
                '；' ORDER BY account, wallet
            ) AS detail
            FROM ({terms}) AS due (kind, key, wallet, account, amount)
            FULL JOIN (
                SELECT t.kind, t.key, coalesce(e.wallet_id, 0), e.account, e.amount_micros
                FROM billing_ledgertransaction t JOIN billing_ledgerentry e ON e.transaction_id = t.id
                WHERE t.kind IN ({kinds})
            ) AS booked (kind, key, wallet, account, amount) USING (kind, key, wallet, account)
            WHERE due.amount IS DISTINCT FROM booked.amount GROUP BY kind, key"""


_RULES = (
    Rule(
        title="每笔交易至少两条分录且合计为零",
        covered="SELECT count(*) FROM billing_ledgertransaction",
        broken="""
            SELECT '交易 #' || t.id AS subject,
                   count(e.id) || ' 条分录，合计 ' || coalesce(sum(e.amount_micros), 0) AS detail
            FROM billing_ledgertransaction t LEFT JOIN billing_ledgerentry e ON e.transaction_id = t.id
            GROUP BY t.id HAVING count(e.id) < 2 OR sum(e.amount_micros) <> 0""",
    ),
    Rule(
        title="钱包余额等于其分录之和",
        covered="SELECT count(*) FROM billing_wallet",
        broken="""
            SELECT '钱包 #' || w.id AS subject,
                   b.account || ' 余额 ' || b.balance || '，分录之和 ' || coalesce(s.total, 0) AS detail
            FROM billing_wallet w
            CROSS JOIN LATERAL (VALUES
                ('cash', w.cash_micros), ('bonus', w.bonus_micros), ('cash_held', w.cash_held_micros),
                ('bonus_held', w.bonus_held_micros), ('refunding', w.refunding_micros)
            ) AS b(account, balance)
            LEFT JOIN (
                SELECT wallet_id, account, sum(amount_micros) AS total
                FROM billing_ledgerentry WHERE wallet_id IS NOT NULL GROUP BY wallet_id, account
            ) AS s ON s.wallet_id = w.id AND s.account = b.account
            WHERE b.balance <> coalesce(s.total, 0)""",
    ),
    Rule(
        title="分录所记余额逐条连续",
        covered="SELECT count(*) FROM billing_ledgerentry WHERE wallet_id IS NOT NULL",
        broken="""
            SELECT '分录 #' || id AS subject,
                   '记为 ' || balance_after_micros || '，应为 ' || running AS detail
            FROM (
                SELECT id, balance_after_micros, sum(amount_micros)
                    OVER (PARTITION BY wallet_id, account ORDER BY transaction_id, id) AS running
                FROM billing_ledgerentry WHERE wallet_id IS NOT NULL
            ) AS e WHERE balance_after_micros IS DISTINCT FROM running""",
    ),
    Rule(
        title="冻结余额等于未结束的冻结之和",
        covered="SELECT count(*) FROM billing_hold WHERE status = 'held'",
        broken="""
            SELECT '钱包 #' || w.id AS subject,
                   '现金 ' || w.cash_held_micros || ' / ' || coalesce(h.cash, 0) ||
                   '，赠金 ' || w.bonus_held_micros || ' / ' || coalesce(h.bonus, 0) AS detail
            FROM billing_wallet w LEFT JOIN (
                SELECT wallet_id, sum(cash_micros) AS cash, sum(bonus_micros) AS bonus
                FROM billing_hold WHERE status = 'held' GROUP BY wallet_id
            ) AS h ON h.wallet_id = w.id
            WHERE (w.cash_held_micros, w.bonus_held_micros) <> (coalesce(h.cash, 0), coalesce(h.bonus, 0))""",
    ),
    Rule(
        title="冻结、结算与解冻的分录与冻结记录逐条相符",
        covered="SELECT count(*) FROM billing_hold",
        broken=_terms_broken(
            "'hold', 'settle', 'release'",
            """
            SELECT move.kind, move.prefix || h.key, h.wallet_id * move.wallet, move.account, move.amount
            FROM billing_hold h
            CROSS JOIN LATERAL (SELECT
                least(h.settled_micros, h.bonus_micros) AS bonus_paid,
                CASE h.status WHEN 'settled' THEN 'settle' WHEN 'released' THEN 'release' END AS kind
            ) AS ending
            CROSS JOIN LATERAL (VALUES
                ('hold', 'hold:', 1, 'bonus', -h.bonus_micros),
                ('hold', 'hold:', 1, 'bonus_held', h.bonus_micros),
                ('hold', 'hold:', 1, 'cash', -h.cash_micros),
                ('hold', 'hold:', 1, 'cash_held', h.cash_micros),
                (ending.kind, 'settle:', 1, 'bonus_held', -h.bonus_micros),
                (ending.kind, 'settle:', 0, 'revenue_bonus', ending.bonus_paid),
                (ending.kind, 'settle:', 1, 'bonus', h.bonus_micros - ending.bonus_paid),
                (ending.kind, 'settle:', 1, 'cash_held', -h.cash_micros),
                (ending.kind, 'settle:', 0, 'revenue', h.settled_micros - ending.bonus_paid),
                (ending.kind, 'settle:', 1, 'cash', h.cash_micros - h.settled_micros + ending.bonus_paid)
            ) AS move (kind, prefix, wallet, account, amount)
            WHERE move.kind IS NOT NULL AND move.amount <> 0""",
        ),
    ),
    Rule(
        title="体验金的分录与发放记录逐条相符",
        covered="SELECT count(*) FROM billing_trialgrant",
        broken=_terms_broken(
            "'trial'",
            """
            SELECT 'trial', 'trial:' || fingerprint, wallet_id, 'bonus', amount_micros FROM billing_trialgrant
            UNION ALL
            SELECT 'trial', 'trial:' || fingerprint, 0, 'promo', -amount_micros FROM billing_trialgrant""",
        ),
    ),
)


def audit_ledger() -> list[Finding]:
    """Check every rule and return what was found, in the rules' order.

    One SQL statement, so one snapshot: money that moves meanwhile is seen wholly or not at all.
    """
    with connection.cursor() as cursor:
        cursor.execute("\nUNION ALL\n".join(_rule_sql(number, rule) for number, rule in enumerate(_RULES)))
        rows = sorted(cursor.fetchall())
    return [
        Finding(title=_RULES[number].title, covered=covered, deviations=deviations, examples=tuple(examples))
        for number, covered, deviations, examples in rows
    ]


def _rule_sql(number: int, rule: Rule) -> str:
    return f"""
        SELECT {number}, ({rule.covered}), count(*),
               coalesce((array_agg(subject || '：' || detail ORDER BY subject))[:{DEVIATIONS_SHOWN}], '{{}}')
        FROM ({rule.broken}) AS broken"""
