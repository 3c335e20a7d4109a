"""Decides how operators see wallets and trials, and the one door through which they move a balance."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import User
from billing import services
from billing.forms import AdjustmentForm
from billing.models import Account, TrialGrant, Wallet
from billing.money import format_yuan
from guoxue.admin import ReadOnlyAdmin
from guoxue.errors import ApplicationError


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin[Wallet]):
    """Wallets, and the one door through which an operator moves a balance.

    The door is ``admin:billing_wallet_adjust`` with the user's id, whether or not the wallet is open yet. The
    wallet list filtered to one user (``?user__id__exact=``, as the user page links it) shows it as a button.
    """

    list_display = ("user", "available", "cash", "bonus", "held", "links", "created_at")
    search_fields = ("user__email", "user__nickname", "=user__id")
    date_hierarchy = "created_at"
    list_select_related = ("user",)
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("user", "available", "links")}),
        ("余额构成", {"fields": ("cash", "bonus", "held", "refunding", "trial")}),
        ("时间", {"fields": ("created_at",)}),
    )

    def get_urls(self) -> list[URLPattern]:
        adjust = self.admin_site.admin_view(self.adjust_view)
        return [path("adjust/<uuid:user_id>/", adjust, name="billing_wallet_adjust"), *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Offer the adjustment only to those who may make one."""
        allowed = request.user.has_perm("billing.adjust_wallet")
        return (*self.list_display, "adjustment") if allowed else self.list_display

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"adjusted_user": _user_filtered_by(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def adjust_view(self, request: HttpRequest, user_id: UUID) -> HttpResponse:
        """Ask for amount, bucket and reason, then adjust the user's balance in the name of the operator.

        It leads back to itself: whoever may adjust need not be allowed to see the wallet's own page.
        """
        if not request.user.has_perm("billing.adjust_wallet"):
            raise PermissionDenied
        user = get_object_or_404(User, pk=user_id)
        form = AdjustmentForm(request.POST or None)
        if form.is_valid() and self._adjust(request, user, form):
            return HttpResponseRedirect(reverse("admin:billing_wallet_adjust", args=[user.pk]))
        wallet = Wallet.objects.for_user(user).first()
        context = {
            **self.admin_site.each_context(request),
            "title": f"调整余额：{user}",
            "opts": self.opts,
            "can_view_wallets": self.has_view_permission(request),
            "form": form,
            "wallet": wallet,
            "cash": format_yuan(wallet.cash_micros if wallet else 0),
            "bonus": format_yuan(wallet.bonus_micros if wallet else 0),
        }
        return TemplateResponse(request, "admin/billing/wallet/adjust.html", context)

    def _adjust(self, request: HttpRequest, user: User, form: AdjustmentForm) -> bool:
        """Call the service; put its refusal on the form and return False, or tell of the success."""
        try:
            adjustment = services.adjust_balance(
                user=user,
                amount_micros=form.cleaned_data["amount"],
                actor=_operator(request),
                reason=form.cleaned_data["reason"],
                idempotency_key=str(form.cleaned_data["idempotency_key"]),
                bucket=Account(form.cleaned_data["bucket"]),
            )
        except ApplicationError as error:
            form.add_error(None, error.message)
            for name, reasons in error.fields.items():
                form.add_error(name, reasons)
            return False
        amount = format_yuan(form.cleaned_data["amount"])
        self.message_user(
            request, f"已调整 {user} 的余额 {amount}（账本交易 #{adjustment.pk}）。", messages.SUCCESS
        )
        return True

    @admin.display(description="可用余额")
    def available(self, wallet: Wallet) -> str:
        return format_yuan(wallet.available_micros)

    @admin.display(description="现金余额", ordering="cash_micros")
    def cash(self, wallet: Wallet) -> str:
        return format_yuan(wallet.cash_micros)

    @admin.display(description="赠金余额", ordering="bonus_micros")
    def bonus(self, wallet: Wallet) -> str:
        return format_yuan(wallet.bonus_micros)

    @admin.display(description="冻结中")
    def held(self, wallet: Wallet) -> str:
        return format_yuan(wallet.held_micros)

    @admin.display(description="退款中", ordering="refunding_micros")
    def refunding(self, wallet: Wallet) -> str:
        return format_yuan(wallet.refunding_micros)

    @admin.display(description="体验金")
    def trial(self, wallet: Wallet) -> str:
        return str(wallet.trial_grant) if wallet.has_trial else "未发放"

    @admin.display(description="查看")
    def links(self, wallet: Wallet) -> SafeString:
        return format_html(
            '<span class="nowrap"><a href="{}?entries__wallet__id__exact={}">账本</a>　'
            '<a href="{}?wallet__id__exact={}">冻结</a></span>',
            reverse("admin:billing_ledgertransaction_changelist"),
            wallet.pk,
            reverse("admin:billing_hold_changelist"),
            wallet.pk,
        )

    @admin.display(description="操作")
    def adjustment(self, wallet: Wallet) -> SafeString:
        address = reverse("admin:billing_wallet_adjust", args=[wallet.user_id])
        return format_html('<a class="nowrap" href="{}">调整余额</a>', address)


@admin.register(TrialGrant)
class TrialGrantAdmin(ReadOnlyAdmin[TrialGrant]):
    list_display = ("owner", "amount", "created_at")
    search_fields = ("wallet__user__email", "wallet__user__nickname", "=fingerprint")
    date_hierarchy = "created_at"
    list_select_related = ("wallet__user",)
    show_full_result_count = False
    fieldsets = ((None, {"fields": ("owner", "amount", "fingerprint", "created_at")}),)

    @admin.display(description="用户")
    def owner(self, grant: TrialGrant) -> str:
        return str(grant.wallet.user)

    @admin.display(description="金额", ordering="amount_micros")
    def amount(self, grant: TrialGrant) -> str:
        return format_yuan(grant.amount_micros)


def _operator(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _user_filtered_by(request: HttpRequest) -> User | None:
    """The user to whom the wallet list is narrowed, None where it is not narrowed to one."""
    user_id = request.GET.get("user__id__exact")
    try:
        return User.objects.filter(pk=user_id).first() if user_id else None
    except ValidationError:
        return None
