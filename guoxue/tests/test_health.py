import pytest
from django.db import DatabaseError
from redis.exceptions import ConnectionError as RedisConnectionError

from guoxue import health


def test_livez_looks_at_nothing_else(client):
    assert client.get("/livez").json() == {"status": "ok"}


def test_readyz_is_ok_when_database_and_redis_answer(client, db):
    response = client.get("/readyz")

    assert (response.status_code, response.json()["components"]) == (200, {"database": "ok", "redis": "ok"})


@pytest.mark.parametrize(
    ("component", "name", "error"),
    [
        ("redis", "cache.set", RedisConnectionError("down")),
        ("database", "connection.cursor", DatabaseError("down")),
    ],
)
def test_readyz_names_what_is_missing(client, db, monkeypatch, component, name, error):
    def broken(*args, **kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(f"guoxue.health.{name}", broken)
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["components"][component] == "unavailable"


def test_readyz_waits_for_the_migrations(client, db, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr("guoxue.health.MigrationExecutor.migration_plan", lambda self, targets: ["0002"])

    assert client.get("/readyz").json()["components"]["database"] == "unavailable"
