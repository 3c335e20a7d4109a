"""Checks the books and says what does not add up: ``manage.py audit_ledger``."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.audit import audit_ledger


class Command(BaseCommand):
    help = "核对账本：交易平衡、钱包余额、冻结与体验金；有任何偏差时以状态码 1 退出。"

    def handle(self, *args: Any, **options: Any) -> None:
        findings = audit_ledger()
        self.stdout.write("    数量      偏差  检查项")
        for finding in findings:
            self.stdout.write(f"{finding.covered:>8}  {finding.deviations:>8}  {finding.title}")
            for example in finding.examples:
                self.stdout.write(f"{'':>20}  · {example}")
        deviations = sum(finding.deviations for finding in findings)
        if deviations:
            raise CommandError(f"账目有 {deviations} 处偏差。", returncode=1)
        self.stdout.write("账目一致。")
