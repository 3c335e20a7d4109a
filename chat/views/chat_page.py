"""Decides what the chat page is told before its script runs: the reasons that a reader may give."""

from django.views.generic import TemplateView

from chat.models import Feedback, Report

chat_page = TemplateView.as_view(
    template_name="web/chat.html",
    extra_context={"feedback_reasons": Feedback.Reason.choices, "report_reasons": Report.Reason.choices},
)
