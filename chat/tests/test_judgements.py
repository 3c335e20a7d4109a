"""Readers judge their replies and report messages; operators decide on reports, once."""

from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import make_operator, make_user
from chat import errors
from chat.models import Feedback, Message, Report
from chat.services.judgements import (
    dismiss_report,
    give_feedback,
    report_message,
    uphold_report,
    withdraw_feedback,
)
from guoxue.tests.racing import run_together


@pytest.fixture
def reply(talk) -> Message:
    return talk.ask("何谓学？", "学者，效也。")


@pytest.fixture
def operator(db):
    return make_operator()


@pytest.fixture
def admin_client(operator) -> Client:
    client = Client()
    client.force_login(operator)
    return client


def report_of(reader, message, **more) -> Report:
    return report_message(user=reader, message_id=message.id, **{"reason": "other", **more})[0]


def test_feedback_is_given_and_given_anew(reader, client_of, reply):
    address = f"/api/v1/messages/{reply.id}/feedback"
    client_of(reader).put(address, {"value": "up"})

    answer = client_of(reader).put(
        address, {"value": "down", "reasons": ["too_long", "too_long", "other"], "comment": "长"}
    )

    assert (answer.status_code, answer.json()["reasons"]) == (200, ["too_long", "other"])
    feedback = Feedback.objects.get()
    assert (feedback.message, feedback.value, feedback.comment) == (reply, "down", "长")
    assert feedback.reasons == ["too_long", "other"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "value"),
        ({"value": "meh"}, "value"),
        ({"value": "down", "reasons": ["ugly"]}, "reasons.0"),
        ({"value": "up", "reasons": ["too_long"]}, "reasons"),
        ({"value": "down", "comment": "长" * 501}, "comment"),
    ],
)
def test_feedback_out_of_bounds_is_refused(reader, client_of, reply, body, field):
    response = client_of(reader).put(f"/api/v1/messages/{reply.id}/feedback", body)

    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, [field])
    assert not Feedback.objects.exists()


def test_question_is_not_judged(reader, client_of, reply):
    response = client_of(reader).put(f"/api/v1/messages/{reply.reply_to_id}/feedback", {"value": "up"})

    assert (response.status_code, response.json()["error"]["code"]) == (404, "message_not_found")
    assert not Feedback.objects.exists()


def test_reply_is_not_judged_while_it_streams(reader, talk):
    streaming = talk.leave_streaming("一")

    with pytest.raises(errors.ReplyInProgress):
        give_feedback(user=reader, message_id=streaming.id, value="up")

    assert not Feedback.objects.exists()


def test_feedback_is_withdrawn_as_often_as_one_likes(reader, reply):
    give_feedback(user=reader, message_id=reply.id, value="up")

    for _ in range(2):
        withdraw_feedback(user=reader, message_id=reply.id)

    assert not Feedback.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_judgements_at_once_leave_one(reader, reply):
    given = run_together(
        [partial(give_feedback, user=reader, message_id=reply.id, value=value) for value in ("up", "down")]
    )

    assert [type(each) for each in given] == [Feedback, Feedback]
    assert Feedback.objects.count() == 1


def test_message_is_reported_once_per_reader(reader, client_of, reply):
    address = f"/api/v1/messages/{reply.id}/report"
    first = client_of(reader).post(address, {"reason": "harmful", "comment": "不妥"})

    second = client_of(reader).post(address, {"reason": "other"})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    report = Report.objects.get()
    assert (report.message, report.reporter, report.reason, report.status) == (
        reply,
        reader,
        "harmful",
        "open",
    )


def test_own_question_may_be_reported_too(reader, reply):
    assert report_of(reader, reply.reply_to).message == reply.reply_to


@pytest.mark.parametrize("body", [{}, {"reason": "ugly"}, {"reason": "other", "comment": "长" * 501}])
def test_report_out_of_bounds_is_refused(reader, client_of, reply, body):
    assert client_of(reader).post(f"/api/v1/messages/{reply.id}/report", body).status_code == 400
    assert not Report.objects.exists()


@pytest.mark.parametrize(("decide", "status"), [(uphold_report, "upheld"), (dismiss_report, "dismissed")])
def test_operator_decides_on_a_report_once(reader, reply, operator, decide, status):
    report = report_of(reader, reply)
    decide(report_id=report.id, operator=operator)
    report.refresh_from_db()
    decided = (report.status, report.handled_by, report.handled_at)

    for again in (uphold_report, dismiss_report):
        with pytest.raises(errors.ReportAlreadyHandled):
            again(report_id=report.id, operator=make_operator())

    report.refresh_from_db()
    assert decided == (report.status, report.handled_by, report.handled_at)
    assert decided[:2] == (status, operator)
    assert report.handled_at <= timezone.now()


def test_report_that_is_gone_is_not_decided_on(operator, db):
    with pytest.raises(errors.ReportNotFound):
        uphold_report(report_id=0, operator=operator)


def test_open_reports_stand_first_and_lead_to_their_message(
    admin_client, reader, talk, operator, django_assert_max_num_queries
):
    handled, waiting = talk.ask("一", "已处理的"), talk.ask("二", "待处理的")
    uphold_report(report_id=report_of(reader, handled).id, operator=operator)
    report_of(reader, waiting)

    with django_assert_max_num_queries(8):
        page = admin_client.get("/admin/chat/report/").content.decode()

    assert page.index("待处理的") < page.index("已处理的")
    assert f"/admin/chat/message/{waiting.id}/change/" in page


@pytest.mark.parametrize(("action", "status"), [("uphold", "upheld"), ("dismiss", "dismissed")])
def test_operator_handles_reports_from_the_list(admin_client, operator, reader, talk, action, status):
    open_report = report_of(reader, talk.ask("一"))
    handled = report_of(reader, talk.ask("二"))
    dismiss_report(report_id=handled.id, operator=make_operator())

    page = admin_client.post(
        "/admin/chat/report/",
        {"action": action, "_selected_action": [open_report.id, handled.id]},
        follow=True,
    ).content.decode()

    open_report.refresh_from_db()
    assert (open_report.status, open_report.handled_by) == (status, operator)
    assert "已处理 1 条举报" in page
    assert errors.ReportAlreadyHandled.message in page


def test_staff_without_the_permission_handle_nothing(reader, reply):
    report = report_of(reader, reply)
    clerk = make_user(is_staff=True)
    client = Client()
    client.force_login(clerk)

    response = client.post("/admin/chat/report/", {"action": "uphold", "_selected_action": [report.id]})

    report.refresh_from_db()
    assert (response.status_code, report.status) == (403, "open")


def test_feedback_list_counts_by_role(admin_client, reader, talk, django_assert_max_num_queries):
    for number, value in enumerate(("up", "down", "down")):
        give_feedback(user=reader, message_id=talk.ask(f"{number}").id, value=value, comment=f"评{number}")

    with django_assert_max_num_queries(12):
        response = admin_client.get("/admin/chat/feedback/?value=down")

    assert response.context["by_role"] == [
        {"message__role__name": "国学大师", "up": 0, "down": 2, "total": 2}
    ]
    assert "评0" not in response.content.decode()
    assert "评2" in response.content.decode()


@pytest.mark.parametrize("model", ["report", "feedback"])
def test_judgements_cannot_be_changed_by_hand(admin_client, reader, reply, model):
    report = report_of(reader, reply)
    feedback = give_feedback(user=reader, message_id=reply.id, value="up")
    row = {"report": report, "feedback": feedback}[model]

    page = admin_client.get(f"/admin/chat/{model}/{row.id}/change/")
    refused = [
        admin_client.post(f"/admin/chat/{model}/{row.id}/change/", {}).status_code,
        admin_client.post(f"/admin/chat/{model}/{row.id}/delete/", {"post": "yes"}).status_code,
        admin_client.get(f"/admin/chat/{model}/add/").status_code,
    ]

    assert (page.status_code, refused) == (200, [403, 403, 403])
