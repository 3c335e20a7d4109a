import uuid

import pytest
from django.db import connection

from accounts import services as accounts
from accounts.tests.factories import make_user
from billing.models import Hold
from chat import errors
from chat.models import Message, ModerationRecord, SensitiveWord
from chat.moderation import panel
from chat.moderation.judging import PASSED, Direction, Judgement, Verdict, weightiest
from chat.services.moderation import record_judgements, require_allowed, review_text
from chat.services.turns import begin_turn
from guoxue.tests.scripted_wechat import REVIEW_MARK, RISKY_MARK, Answer

BLOCKED_WORD, FLAGGED_WORD = "出售冰毒", "如何自杀"
BUSY = Answer({"errcode": -1, "errmsg": "system error"})


def review(text, user, direction=Direction.INPUT, **options) -> Judgement:
    return review_text(text, direction=direction, user=user, **options)


def records() -> list[tuple[str, str, str, str, str]]:
    return list(
        ModerationRecord.objects.order_by("id").values_list(
            "direction", "verdict", "moderator", "label", "trace_id"
        )
    )


def begin(reader, session, text, **options):
    options.setdefault("client_message_id", uuid.uuid4())
    return begin_turn(user=reader, session_id=session.id, text=text, **options)


# --- The words alone


def test_a_plain_pass_leaves_no_record(reader):
    assert review("何谓仁？", reader) == PASSED
    assert records() == []


def test_a_listed_word_blocks_and_is_recorded_with_its_place(reader):
    judgement = review(f"{'前' * 60}哪里有人{BLOCKED_WORD}？", reader)

    assert (judgement.verdict, judgement.blocks, judgement.flag) == (Verdict.RISKY, True, "blocked")
    assert records() == [("input", "risky", "words", BLOCKED_WORD, "")]
    record = ModerationRecord.objects.get()
    assert record.excerpt == f"{'前' * 36}哪里有人{BLOCKED_WORD}？"
    assert (record.user, record.message) == (reader, None)


def test_a_word_for_review_passes_with_a_flag(reader):
    judgement = review(FLAGGED_WORD, reader)

    assert (judgement.verdict, judgement.blocks, judgement.flag) == (Verdict.REVIEW, False, "review")
    assert records() == [("input", "review", "words", FLAGGED_WORD, "")]


def test_a_blocking_word_counts_before_one_for_review(reader):
    assert review(f"{FLAGGED_WORD}，{BLOCKED_WORD}", reader).label == BLOCKED_WORD


def test_what_postgresql_cannot_hold_is_left_out_of_the_record(reader):
    review(f"\0\ud800{BLOCKED_WORD}", reader)

    assert ModerationRecord.objects.get().excerpt == f"?{BLOCKED_WORD}"


@pytest.mark.parametrize("direction", [Direction.TITLE, Direction.ROLE, Direction.NAME])
def test_a_title_a_role_and_a_nickname_are_refused_by_field(reader, direction):
    with pytest.raises(errors.ContentBlocked) as refused:
        require_allowed(BLOCKED_WORD, direction=direction, user=reader, field="title")

    assert refused.value.fields == {"title": [errors.ContentBlocked.message]}
    assert refused.value.status == 400
    assert BLOCKED_WORD not in str(refused.value)
    assert records() == [(direction.value, "risky", "words", BLOCKED_WORD, "")]


def test_an_operators_text_has_no_user(db):
    assert review(FLAGGED_WORD, None).flag == "review"
    assert ModerationRecord.objects.get().user is None


# --- WeChat


def test_nobody_has_an_openid_yet(reader):
    assert accounts.active_openid(reader) is None


def test_without_an_openid_wechat_is_not_asked(reader, wechat, monkeypatch):
    monkeypatch.setattr(panel, "active_openid", lambda user: None)

    assert review(RISKY_MARK, reader) == PASSED
    assert wechat.token_calls == []


def test_wechat_is_not_asked_about_what_the_words_block(reader, wechat):
    assert review(BLOCKED_WORD, reader).moderator == "words"
    assert wechat.checks == []


def test_a_risky_text_is_blocked_and_recorded_with_its_trace(reader, wechat):
    judgement = review(RISKY_MARK, reader)

    assert judgement.blocks
    assert records() == [("input", "risky", "wechat", "20006 违法犯罪", "trace-1")]


def test_a_text_for_review_passes_with_a_flag_from_either_moderator(reader, wechat):
    judgement = review(f"{REVIEW_MARK}{FLAGGED_WORD}", reader)

    assert (judgement.verdict, judgement.blocks) == (Verdict.REVIEW, False)
    assert [(record[2], record[4]) for record in records()] == [("words", ""), ("wechat", "trace-1")]


def test_a_nickname_is_judged_as_a_profile_and_a_question_as_a_comment(reader, wechat):
    review("名字", reader, Direction.NAME)
    review("问题", reader, Direction.INPUT)

    assert [b'"scene": 1' in wechat.checks[0], b'"scene": 2' in wechat.checks[1]] == [True, True]


def test_a_long_text_is_judged_in_windows_and_the_last_counts(reader, wechat):
    assert review("文" * 4000 + RISKY_MARK, reader).blocks
    assert len(wechat.checks) == 2


def test_a_mark_on_the_edge_of_two_windows_is_seen_whole(reader, wechat):
    assert review("文" * 2496 + RISKY_MARK + "文" * 500, reader).blocks


def test_after_a_risky_window_the_rest_is_not_asked_about(reader, wechat):
    assert review(RISKY_MARK + "文" * 6000, reader).blocks
    assert len(wechat.checks) == 1


def test_an_openid_that_wechat_calls_inactive_is_as_none(reader, wechat):
    wechat.active_openids = set()

    assert review(RISKY_MARK, reader) == PASSED
    assert records() == []


@pytest.mark.parametrize(
    ("direction", "opens", "blocks"),
    [
        (Direction.INPUT, True, False),
        (Direction.INPUT, False, True),
        (Direction.TITLE, False, True),
        (Direction.OUTPUT, True, False),
        (Direction.OUTPUT, False, True),
    ],
)
def test_what_happens_without_wechat_is_a_setting_of_the_direction(
    reader, wechat, settings, direction, opens, blocks
):
    output = direction == Direction.OUTPUT
    settings.MODERATION_OUTPUT_FAILS_OPEN = opens if output else not opens
    settings.MODERATION_INPUT_FAILS_OPEN = not opens if output else opens
    wechat.faults = [BUSY]

    judgement = review("何谓仁？", reader, direction)

    assert (judgement.verdict, judgement.blocks) == (Verdict.UNAVAILABLE, blocks)
    assert judgement.flag == ("blocked" if blocks else "review")
    assert records() == [(direction.value, "unavailable", "wechat", "wechat_unavailable", "")]


def test_by_default_questions_go_through_and_replies_do_not(reader, wechat):
    wechat.faults = [BUSY, BUSY]

    assert not review("问", reader).blocks
    assert review("答", reader, Direction.OUTPUT).blocks


def test_a_used_up_quota_is_an_unavailable_moderator(reader, wechat):
    wechat.checks_left = 0

    assert review("何谓仁？", reader).label == "wechat_quota_exceeded"


def test_the_words_judge_also_when_wechat_does_not(reader, wechat):
    wechat.faults = [BUSY]

    judgement = review(FLAGGED_WORD, reader)

    assert judgement.verdict == Verdict.REVIEW
    assert [record[1] for record in records()] == ["review", "unavailable"]


def test_a_wechat_that_hangs_is_left_alone_after_three_attempts(reader, wechat):
    wechat.faults = [Answer({}, after_seconds=2)] * 3

    verdicts = [review("何谓仁？", reader).verdict for _ in range(5)]

    assert verdicts == [Verdict.UNAVAILABLE] * 5
    assert len(wechat.check_queries) == 3


def test_a_refusal_for_lack_of_judgement_asks_for_another_attempt(reader, wechat, settings):
    settings.MODERATION_INPUT_FAILS_OPEN = False
    wechat.faults = [BUSY]

    with pytest.raises(errors.ModerationUnavailable) as refused:
        require_allowed("标题", direction=Direction.TITLE, user=reader, field="title")

    assert (refused.value.status, refused.value.retryable) == (503, True)


def test_the_weightiest_judgement_counts():
    opened = Judgement(Verdict.UNAVAILABLE, "a")
    closed = Judgement(Verdict.UNAVAILABLE, "b", fails_open=False)
    flagged, risky = Judgement(Verdict.REVIEW, "c"), Judgement(Verdict.RISKY, "d")

    assert weightiest([opened, flagged, closed, risky]) is risky
    assert weightiest([opened, flagged, closed]) is closed
    assert weightiest([opened, flagged]) is flagged
    assert weightiest([opened]) is opened
    assert weightiest([]) is PASSED


# --- The check of replies


def test_a_reply_is_checked_by_the_same_moderators(reader, wechat):
    check = panel.open_output_check(user=reader)

    assert check.feed("出售").__class__ is type(None)
    assert check.feed("冰毒。").blocks
    assert check.judge_remotely(check.due(is_last=True)) == PASSED
    assert check.judge_remotely(RISKY_MARK).trace_id == "trace-2"


# --- Records and flags


def test_a_judgement_of_a_message_flags_it_and_no_weaker_one_replaces_the_flag(reader, session):
    turn = begin(reader, session, "何谓仁？")
    flags = []
    for verdict in (Verdict.PASS, Verdict.REVIEW, Verdict.RISKY, Verdict.REVIEW):
        record_judgements(
            [Judgement(verdict, "words")],
            direction=Direction.OUTPUT,
            user=reader,
            message_id=turn.message_id,
        )
        flags.append(Message.objects.get(id=turn.message_id).flag)

    assert flags == ["", "review", "blocked", "blocked"]
    assert ModerationRecord.objects.filter(message=turn.message_id).count() == 3


# --- Questions


def test_a_blocked_question_saves_and_costs_nothing_but_its_record(reader, session, priced_model):
    with pytest.raises(errors.ContentBlocked) as refused:
        begin(reader, session, f"谁在{BLOCKED_WORD}")

    assert refused.value.fields == {"message": [errors.ContentBlocked.message]}
    assert (Message.objects.count(), Hold.objects.count()) == (0, 0)
    session.refresh_from_db()
    assert session.title == ""
    assert records() == [("input", "risky", "words", BLOCKED_WORD, "")]


def test_a_flagged_question_is_answered_and_its_record_leads_to_it(reader, session):
    turn = begin(reader, session, f"朋友问我{FLAGGED_WORD}，怎么劝他？")

    assert Message.objects.get(id=turn.user_message_id).flag == "review"
    assert Message.objects.get(id=turn.message_id).flag == ""
    assert ModerationRecord.objects.get().message_id == turn.user_message_id


def test_a_plain_question_has_no_flag(reader, session):
    turn = begin(reader, session, "何谓仁？")

    assert Message.objects.get(id=turn.user_message_id).flag == ""


def test_a_question_that_was_accepted_is_not_judged_again_when_it_is_resent(reader, session, wechat):
    first = begin(reader, session, "何谓仁？")
    question = Message.objects.get(id=first.user_message_id)
    SensitiveWord.objects.create(word="何谓仁")

    again = begin(reader, session, "何谓仁？", client_message_id=question.client_message_id)

    assert (again.message_id, again.created) == (first.message_id, False)
    assert len(wechat.checks) == 1


def test_a_question_that_is_refused_later_leaves_no_record_of_its_flag(reader, session):
    begin(reader, session, "何谓仁？")

    with pytest.raises(errors.ReplyInProgress):
        begin(reader, session, FLAGGED_WORD)

    assert records() == []


def test_a_question_that_nobody_could_judge_is_flagged(reader, session, wechat):
    wechat.faults = [BUSY]

    turn = begin(reader, session, "何谓仁？")

    assert Message.objects.get(id=turn.user_message_id).flag == "review"
    assert records() == [("input", "unavailable", "wechat", "wechat_unavailable", "")]


def test_the_reader_of_another_session_learns_nothing(session):
    with pytest.raises(errors.SessionNotFound):
        begin(make_user(), session, "何谓仁？")


@pytest.mark.django_db(transaction=True)
def test_wechat_is_asked_outside_of_any_transaction(wechat, monkeypatch, reader, session):
    inside = []
    judge = panel.judge_by_all
    monkeypatch.setattr(
        panel, "judge_by_all", lambda *args: (inside.append(connection.in_atomic_block), judge(*args))[1]
    )

    begin(reader, session, "何谓仁？")

    assert inside == [False]
