"""Decides how a row, or a few, are looked up where it has to cost little."""

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import Model, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=Model)


def only_row(rows: QuerySet[M]) -> M | None:
    """Return the row, or None; ``first()`` would have the database put one row in order, a fifth of what it costs."""
    return next(iter(rows.order_by()[:1]), None)


@dataclass(frozen=True)
class _Placeholder:
    """Stands in the parameters of the SQL for a value that comes with the call."""

    name: str


@dataclass(frozen=True)
class _Prepared(Generic[M]):
    rows: QuerySet[M]
    compiler: SQLCompiler
    sql: str
    parameters: tuple[Any, ...]


class PreparedLookup(Generic[M]):
    """A lookup whose SQL the ORM writes once: to write it costs up to four times what asking it does.

    ``lookup`` takes expressions in place of the values and returns the QuerySet, of models, in no order that it does
    not name. What it says besides stays as it is for ever: what changes from call to call must be a parameter. The
    values go to the database as they are.
    """

    def __init__(self, lookup: Callable[..., QuerySet[M]]) -> None:
        self._lookup = lookup
        self._prepared: _Prepared[M] | None = None

    def row(self, **values: Any) -> M | None:
        """Return the first row, or None; see ``rows``."""
        return next(iter(self.rows(**values)), None)

    def rows(self, **values: Any) -> list[M]:
        """Return the rows; the values are those of the lookup's parameters, by their names."""
        prepared = self._prepared = self._prepared or self._prepare()
        bound = tuple(
            values[each.name] if isinstance(each, _Placeholder) else each for each in prepared.parameters
        )
        compiler = copy(prepared.compiler)
        compiler.connection = connections[prepared.rows.db]
        compiler.as_sql = lambda *_args, **_options: (prepared.sql, bound)  # type: ignore[method-assign]
        rows = prepared.rows.all()
        rows.query = copy(rows.query)
        rows.query.get_compiler = lambda *_args, **_options: compiler  # type: ignore[method-assign]
        return list(rows)

    def _prepare(self) -> _Prepared[M]:
        names = inspect.signature(self._lookup).parameters
        rows = self._lookup(**{name: Value(_Placeholder(name)) for name in names})
        compiler = rows.query.get_compiler(using=rows.db)
        sql, parameters = compiler.as_sql()
        return _Prepared(rows, compiler, sql, tuple(parameters))
