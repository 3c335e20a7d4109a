import pytest
from django.test import Client

from accounts.tests.factories import make_operator
from chat.models import ModerationRecord, SensitiveWord
from knowledge.starter.loading import load_starter

FORM = {"word": "某某某词", "category": "试", "action": "block", "is_active": "on", "note": ""}


@pytest.fixture
def admin_client(db) -> Client:
    client = Client()
    client.force_login(make_operator())
    return client


def record(label="出售冰毒", **fields) -> ModerationRecord:
    values = {"direction": "input", "verdict": "risky", "moderator": "words", "label": label, **fields}
    return ModerationRecord.objects.create(**values)


@pytest.mark.parametrize(
    ("model", "shown", "queries"), [("sensitiveword", "出售冰毒", 8), ("moderationrecord", "片段甲", 9)]
)
def test_every_list_shows_its_rows_within_a_fixed_number_of_queries(
    admin_client, reader, model, shown, queries, django_assert_max_num_queries
):
    for _ in range(3):
        record(excerpt="片段甲", user=reader)

    with django_assert_max_num_queries(queries):
        response = admin_client.get(f"/admin/chat/{model}/")

    assert response.status_code == 200
    assert shown in response.content.decode()


def test_the_list_of_words_counts_their_hits(admin_client):
    for _ in range(2):
        record("出售冰毒")
    record("出售冰毒", moderator="wechat")

    changes = admin_client.get("/admin/chat/sensitiveword/?q=出售冰毒").context["cl"].result_list

    assert [(word.word, word.hit_total) for word in changes] == [("出售冰毒", 2)]


def test_the_list_of_records_counts_the_week(admin_client):
    record()
    record()
    record(direction="output", verdict="unavailable", moderator="wechat")

    page = admin_client.get("/admin/chat/moderationrecord/").content.decode()

    assert "近 7 天：提问拦截 2 · 回复审核不可用 1" in page


def test_records_are_found_by_trace_and_filtered(admin_client):
    record("a", trace_id="trace-7")
    record("b", verdict="review")

    found = [
        admin_client.get(f"/admin/chat/moderationrecord/{query}").context["cl"].result_count
        for query in ("?q=trace-7", "?verdict__exact=review", "?direction__exact=output")
    ]

    assert found == [1, 1, 0]


def test_records_cannot_be_changed_by_hand(admin_client):
    kept = record()

    answers = [
        admin_client.post(f"/admin/chat/moderationrecord/{kept.id}/change/", {"label": "改"}).status_code,
        admin_client.post(f"/admin/chat/moderationrecord/{kept.id}/delete/", {"post": "yes"}).status_code,
        admin_client.get("/admin/chat/moderationrecord/add/").status_code,
    ]

    assert answers == [403, 403, 403]
    assert ModerationRecord.objects.get().label == "出售冰毒"


def test_a_word_is_added(admin_client):
    response = admin_client.post("/admin/chat/sensitiveword/add/", FORM)

    assert response.status_code == 302
    assert SensitiveWord.objects.get(word="某某某词").is_active


def test_a_word_of_one_character_is_refused(admin_client):
    page = admin_client.post("/admin/chat/sensitiveword/add/", {**FORM, "word": "杀。"})

    assert "太短" in page.content.decode()
    assert not SensitiveWord.objects.filter(word="杀。").exists()


def test_a_word_of_the_classics_is_saved_only_when_the_operator_insists(admin_client):
    load_starter()
    form = {**FORM, "word": "上善若水"}

    page = admin_client.post("/admin/chat/sensitiveword/add/", form).content.decode()
    saved_first = SensitiveWord.objects.filter(word="上善若水").exists()
    admin_client.post("/admin/chat/sensitiveword/add/", {**form, "save_anyway": "on"})

    assert "《道德经·第八章》" in page
    assert not saved_first
    assert SensitiveWord.objects.filter(word="上善若水").exists()


def test_a_note_is_changed_without_looking_at_the_classics_again(admin_client):
    load_starter()
    word = SensitiveWord.objects.create(word="上善若水", category="试")

    answer = admin_client.post(
        f"/admin/chat/sensitiveword/{word.id}/change/", {**FORM, "word": "上善若水", "note": "有意为之"}
    )

    assert answer.status_code == 302
    word.refresh_from_db()
    assert word.note == "有意为之"


def test_words_are_switched_off_and_on_together(admin_client):
    ids = list(SensitiveWord.objects.order_by("id").values_list("id", flat=True)[:2])

    def act(action: str) -> int:
        admin_client.post("/admin/chat/sensitiveword/", {"action": action, "_selected_action": ids})
        return SensitiveWord.objects.filter(is_active=False).count()

    assert [act("deactivate"), act("activate")] == [2, 0]


def test_chosen_words_are_downloaded(admin_client):
    word = SensitiveWord.objects.get(word="出售冰毒")

    answer = admin_client.post(
        "/admin/chat/sensitiveword/", {"action": "export", "_selected_action": [word.id]}
    )

    assert answer.content.decode("utf-8-sig").splitlines() == [
        "词语,类别,处置,启用,备注",
        "出售冰毒,毒品,拦截,是,随程序附带",
    ]
