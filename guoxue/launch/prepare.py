"""Decides what must be true of the database before the product is served, in one start of Django."""

import time
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

_STEPS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("更新数据库结构", "migrate", {"interactive": False, "verbosity": 0}),
    ("载入入门典籍", "load_starter", {}),
    ("准备管理员账号", "ensure_operator", {"verbosity": 0}),
)


def main() -> None:
    """Run every step; each is quick when there is nothing to do."""
    django.setup()
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    for title, command, arguments in _STEPS:
        _run(title, command, **arguments)
    # In debug mode WhiteNoise reads the files where they are.
    if not settings.DEBUG:
        _run("收集静态文件", "collectstatic", interactive=False, verbosity=0)


def _run(title: str, command: str, **arguments: object) -> None:
    print(f"▸ {title}", flush=True)
    started = time.monotonic()
    call_command(command, **arguments)
    print(f"  完成，{time.monotonic() - started:.1f} 秒", flush=True)


if __name__ == "__main__":
    main()
