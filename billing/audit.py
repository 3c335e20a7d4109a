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
        title="每笔冻结入账一次，结束时再入账一次，实收相符",
        covered="SELECT count(*) FROM billing_hold",
        broken="""
            SELECT '冻结 ' || h.key AS subject,
                   h.status || '，实收 ' || h.settled_micros || '，账本收入 ' || coalesce(r.paid, 0) AS detail
            FROM billing_hold h
            LEFT JOIN billing_ledgertransaction o ON o.key = 'hold:' || h.key
            LEFT JOIN billing_ledgertransaction c ON c.key = 'settle:' || h.key
            LEFT JOIN LATERAL (
                SELECT sum(amount_micros) AS paid FROM billing_ledgerentry
                WHERE transaction_id = c.id AND account IN ('revenue', 'revenue_bonus')
            ) AS r ON true
            WHERE (o.id IS NOT NULL) <> (h.cash_micros + h.bonus_micros > 0)
               OR (c.id IS NOT NULL) <> (h.cash_micros + h.bonus_micros > 0 AND h.status <> 'held')
               OR coalesce(r.paid, 0) <> h.settled_micros""",
    ),
    Rule(
        title="每笔体验金与赠金入账相符",
        covered="SELECT count(*) FROM billing_trialgrant",
        broken="""
            SELECT '体验金 #' || g.id AS subject,
                   '发放 ' || g.amount_micros || '，入账 ' || coalesce(e.amount_micros, 0) AS detail
            FROM billing_trialgrant g
            LEFT JOIN billing_ledgertransaction t ON t.key = 'trial:' || g.fingerprint
            LEFT JOIN billing_ledgerentry e
                ON e.transaction_id = t.id AND e.wallet_id = g.wallet_id AND e.account = 'bonus'
            WHERE e.amount_micros IS DISTINCT FROM g.amount_micros""",
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
