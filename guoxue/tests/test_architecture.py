"""The rules of the house that a machine can hold."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from guoxue.errors import ApplicationError

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("guoxue", "accounts", "billing", "knowledge", "chat")
MAX_LINES = 400
NAMELESS = {"utils.py", "helpers.py", "common.py", "base.py", "manager.py", "misc.py"}


def source_files(*endings: str) -> Iterator[Path]:
    folders = [ROOT / name for name in (*APPS, "templates", "static")]
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.suffix in endings and path.is_file())


def product_modules() -> list[Path]:
    return [path for path in source_files(".py") if not {"tests", "migrations"} & set(path.parts)]


def test_no_file_is_longer_than_a_reader_can_hold():
    files = (path for path in source_files(".py", ".html", ".css", ".js") if "migrations" not in path.parts)
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}

    assert {path: lines for path, lines in long.items() if lines > MAX_LINES} == {}


def test_no_module_has_a_name_that_says_nothing():
    assert [path for path in product_modules() if path.name in NAMELESS] == []


def test_every_module_says_in_its_first_line_what_it_decides():
    silent = [
        str(path.relative_to(ROOT))
        for path in product_modules()
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def atomic_uses(tree: ast.AST) -> Iterator[ast.AST]:
    """Uses of ``atomic`` that are not a call with ``durable=True`` or ``savepoint=False``."""
    roles = {("durable", True), ("savepoint", False)}
    declared = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and any(isinstance(k.value, ast.Constant) and (k.arg, k.value.value) in roles for k in node.keywords)
    }
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name == "atomic" and id(node) not in declared:
            yield node


def test_every_transaction_says_its_role():
    bare = [
        f"{path.relative_to(ROOT)}:{use.lineno}"
        for path in product_modules()
        for use in atomic_uses(ast.parse(path.read_text()))
    ]

    assert bare == []


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("with transaction.atomic():\n    pass", 1),
        ("@transaction.atomic\ndef f(): pass", 1),
        ("with atomic(durable=False):\n    pass", 1),
        ("with transaction.atomic(durable=True):\n    pass", 0),
        ("@atomic(savepoint=False)\ndef f(): pass", 0),
    ],
)
def test_the_check_of_transactions_sees_a_bare_one(code, count):
    assert len(list(atomic_uses(ast.parse(code)))) == count


def all_errors(kind: type[ApplicationError] = ApplicationError) -> Iterator[type[ApplicationError]]:
    for error in kind.__subclasses__():
        yield error
        yield from all_errors(error)


def test_every_error_code_is_documented():
    import_module("chat.routing")
    import_module("guoxue.urls")
    documented = set(
        re.findall(r"^\| `(\w+)` \| \d{3} \|", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    )

    used = {error.code for error in all_errors() if not error.__module__.startswith("guoxue.tests")}

    assert used - documented == set()
    assert documented - used == set()


def test_every_message_is_chinese():
    assert [error for error in all_errors() if not re.search(r"[\u4e00-\u9fff]", error.message)] == []
