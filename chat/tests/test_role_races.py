"""Two change the roles of a reader at the same moment: neither passes a limit, nor undoes what the other has decided."""

from functools import partial
from threading import Event

import pytest

from accounts.tests.factories import make_user
from chat import errors
from chat.models import Role
from chat.services import roles as services
from chat.services.roles import RoleChanges, change_role, create_role, refuse_role
from guoxue.tests.racing import meeting_after, run_together, winners

pytestmark = pytest.mark.django_db(transaction=True)

WANTED = RoleChanges(name="山长", system_prompt="你是书院的山长，说话简短。")


def test_parallel_requests_do_not_pass_the_limit(settings, monkeypatch):
    settings.OWN_ROLES_MAX = 3
    reader = make_user()
    # All have found room before the first is saved.
    monkeypatch.setattr("chat.services.roles._moderate", meeting_after(services._moderate, parties=6))

    results = run_together([partial(create_role, user=reader, wanted=WANTED)] * 6)

    assert len(winners(results)) == 3
    assert Role.objects.owned_by(reader).count() == 3


def test_a_change_does_not_undo_a_refusal_of_the_same_moment(monkeypatch):
    reader = make_user()
    role = Role.objects.create(owner=reader, name="山长", system_prompt="简短。")
    has_read, has_refused = Event(), Event()
    own_role = services.own_role

    def own_role_before_a_refusal(*args, **options):
        found = own_role(*args, **options)
        if options:
            has_read.set()
            has_refused.wait(0.5)
        return found

    def refuse():
        has_read.wait(20)
        try:
            return refuse_role(role_id=role.id, seen_at=role.updated_at, note="冒充官方")
        finally:
            has_refused.set()

    monkeypatch.setattr(services, "own_role", own_role_before_a_refusal)
    change = partial(change_role, user=reader, role_id=role.id, wanted=RoleChanges(memory_turns=1))
    changed, refused = run_together([change, refuse])

    # The operator has to wait, and then to look again: what they decided on is no longer what it was.
    assert (changed.memory_turns, type(refused)) == (1, errors.RoleChanged)
    role.refresh_from_db()
    assert (role.memory_turns, role.review) == (1, "passed")
