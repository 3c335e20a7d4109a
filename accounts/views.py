"""Decides the REST doors of accounts: codes, registration, login, tokens, and who I am."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts import serializers, services, tasks, tokens
from accounts.errors import MailUnavailable
from accounts.models import User
from guoxue.api import client_address

CONSOLE_EMAIL_BACKEND = "accounts.console_mail.EmailBackend"
CODE_SENT = "验证码已发送，请查收邮件（也请看看垃圾邮件箱）。"
CONSOLE_HINT = "开发模式：验证码已打印在运行 bin/run 的终端里。"


class PublicView(APIView):
    """A door that is open to everyone; a stale Authorization header does not close it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class LoginView(PublicView):
    """A door that people knock on with a secret, so not too often from one address."""

    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "login-ip"


class EmailCodesView(PublicView):
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "email-code-ip"

    @extend_schema(
        tags=["账户"],
        summary="获取邮箱验证码",
        description=(
            "无论该邮箱是否已注册，答复都相同。同一邮箱的同一用途 60 秒内只发一次；"
            "同一邮箱每天最多 50 次，其中来自同一网络的最多 10 次。"
        ),
        request=serializers.EmailCodeRequestSerializer,
        responses={202: serializers.EmailCodeAcceptedSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = _validated(serializers.EmailCodeRequestSerializer, request)
        issued = services.request_email_code(**wanted, ip=client_address(request))
        try:
            tasks.enqueue_email_code(issued)
        except MailUnavailable:
            services.withdraw_email_code(issued=issued)
            raise
        answer = {"detail": CODE_SENT}
        if settings.DEBUG and settings.EMAIL_BACKEND == CONSOLE_EMAIL_BACKEND:
            answer["hint"] = CONSOLE_HINT
        return Response(answer, status=status.HTTP_202_ACCEPTED)


class RegisterView(LoginView):
    @extend_schema(
        tags=["账户"],
        summary="用邮箱验证码注册",
        description="验证码 10 分钟内有效，最多尝试 5 次，只能使用一次。",
        request=serializers.RegisterSerializer,
        responses={201: serializers.SignedInSerializer},
    )
    def post(self, request: Request) -> Response:
        wanted = _validated(serializers.RegisterSerializer, request)
        user = services.register_by_email(**wanted, **_origin(request))
        return _signed_in(user, tokens.issue_tokens(user), created=True)


class EmailLoginView(LoginView):
    @extend_schema(
        tags=["账户"],
        summary="用邮箱和密码（或验证码）登录",
        description=(
            "`password` 与 `code` 二选一。15 分钟内，同一网络对同一邮箱尝试密码 10 次、"
            "或密码错误共 100 次后须等待。"
        ),
        request=serializers.EmailLoginSerializer,
        responses=serializers.SignedInSerializer,
    )
    def post(self, request: Request) -> Response:
        wanted = _validated(serializers.EmailLoginSerializer, request)
        by_code = "code" in wanted
        login = services.login_by_email_code if by_code else services.login_by_email_password
        user = login(**wanted, **_origin(request))
        return _signed_in(user, tokens.issue_tokens(user))


class RefreshView(LoginView):
    @extend_schema(
        tags=["账户"],
        summary="用刷新令牌换取新的一对令牌",
        description=(
            "旧的刷新令牌随即作废；再次使用旧令牌会退出该用户的所有设备。"
            "但没有收到答复时，可以在 10 秒内用旧令牌重试。"
        ),
        request=serializers.RefreshSerializer,
        responses=serializers.SignedInSerializer,
    )
    def post(self, request: Request) -> Response:
        wanted = _validated(serializers.RefreshSerializer, request)
        return _signed_in(*tokens.rotate_refresh_token(wanted["refresh"]))


class LogoutView(LoginView):
    @extend_schema(
        tags=["账户"],
        summary="退出登录（作废刷新令牌）",
        description="可以重复调用；访问令牌到期后自然失效。",
        request=serializers.RefreshSerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        tokens.revoke_refresh_token(_validated(serializers.RefreshSerializer, request)["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class VerifyView(APIView):
    @extend_schema(tags=["账户"], summary="检查访问令牌", responses=serializers.VerifiedSerializer)
    def get(self, request: Request) -> Response:
        assert isinstance(request.auth, Token)  # BearerAuthentication has put it there.
        answer = {"user": request.user, "expires_at": datetime_from_epoch(request.auth["exp"])}
        return Response(serializers.VerifiedSerializer(answer).data)


class WebSocketTicketView(APIView):
    @extend_schema(
        tags=["账户"],
        summary="获取一次性的 WebSocket 连接凭证",
        description="用法：`/ws/chat/{session_id}?ticket=…`，30 秒内有效，只能使用一次。",
        request=None,
        responses={201: serializers.TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        answer = {"ticket": tokens.issue_ticket(_me(request)), "expires_in": tokens.TICKET_TTL_SECONDS}
        return Response(answer, status=status.HTTP_201_CREATED)


@extend_schema_view(
    get=extend_schema(tags=["账户"], summary="我的资料"),
    patch=extend_schema(tags=["账户"], summary="修改昵称"),
)
class MeView(generics.RetrieveUpdateAPIView[User]):
    http_method_names = ("get", "patch", "head", "options")
    serializer_class = serializers.UserSerializer

    def get_object(self) -> User:
        return _me(self.request)


def _me(request: Request) -> User:
    assert isinstance(request.user, User)  # IsAuthenticated has let nobody else through.
    return request.user


def _validated(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _origin(request: Request) -> dict[str, Any]:
    return {"ip": client_address(request), "user_agent": request.META.get("HTTP_USER_AGENT", "")}


def _signed_in(user: User, pair: tokens.TokenPair, *, created: bool = False) -> Response:
    answer = {"access": pair.access, "refresh": pair.refresh, "user": user, "created": created}
    code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
    return Response(serializers.SignedInSerializer(answer).data, status=code)
