"""Decides how accounts say no: one class for each refusal that a client may see."""

from guoxue.errors import ApplicationError, Conflict, NotAuthenticated, ServiceUnavailable, Throttled


class EmailCodeThrottled(Throttled):
    """A code for this purpose was sent a moment ago, or too many were sent to this address in a day."""

    code = "email_code_throttled"
    message = "验证码发送太频繁，请稍后再试。"


class EmailCodeInvalid(ApplicationError):
    """The code is wrong, expired, used up, or was never sent; which of these is not told."""

    code = "email_code_invalid"
    message = "验证码不正确或已失效，请核对后重试，或重新获取验证码。"

    def __init__(self) -> None:
        super().__init__(fields={"code": [self.message]})


class EmailTaken(Conflict):
    """Somebody who holds the address has an account already."""

    code = "email_taken"
    message = "该邮箱已经注册，请直接登录。"


class CredentialsInvalid(NotAuthenticated):
    """No such address, or not its password; which of the two is not told."""

    code = "credentials_invalid"
    message = "邮箱或密码不正确，请检查后重试。"


class LoginThrottled(Throttled):
    """Too many attempts with a password for this address from this network, or from this network at all."""

    code = "login_throttled"
    message = "密码错误次数过多，请稍后再试，或改用验证码登录。"


class AccountDisabled(NotAuthenticated):
    """An operator has switched the account off."""

    code = "account_disabled"
    message = "该账户已停用，如有疑问请联系客服。"


class TokenInvalid(NotAuthenticated):
    """The token is not ours, is of the wrong kind, or was revoked."""

    code = "token_invalid"
    message = "登录凭证无效，请重新登录。"


class TokenExpired(NotAuthenticated):
    """The token was good once; a refresh or a new login helps."""

    code = "token_expired"
    message = "登录已过期，请重新登录。"


class TokenReused(NotAuthenticated):
    """A refresh token came back long after it had been replaced: one of its two holders is a thief."""

    code = "token_reused"
    message = "登录凭证已被使用过，为安全起见已退出所有设备，请重新登录。"


class TicketInvalid(NotAuthenticated):
    """The WebSocket ticket is unknown, used or too old."""

    code = "ticket_invalid"
    message = "连接凭证已失效，请重新连接。"


class MailUnavailable(ServiceUnavailable):
    """The queue that carries our mail does not answer."""

    code = "mail_unavailable"
    message = "验证码暂时无法发送，请稍后再试。"
