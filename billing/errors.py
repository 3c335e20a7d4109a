"""Decides the errors of money: what they are called and what the reader is told to do."""

from guoxue import errors


class InsufficientCredit(errors.ApplicationError):
    """The available balance does not pay for the shortest useful reply."""

    code = "insufficient_credit"
    status = 402
    message = "余额不足，无法支付这次回答。请联系管理员充值。"


class ModelNotPriced(errors.ServiceUnavailable):
    """No price is in force for the model, so nobody may use it."""

    code = "model_not_priced"
    message = "当前模型尚未定价，暂时不能使用。请联系管理员在后台为它添加价格。"
    retryable = False


class InsufficientBalance(errors.Conflict):
    """A debit would take a bucket of the wallet below zero."""

    code = "insufficient_balance"
    message = "余额不足，无法扣减这么多。请减少金额后重试。"


class IdempotencyKeyReused(errors.Conflict):
    """The same key came again with other content."""

    code = "idempotency_key_reused"
    message = "这个请求编号已用于另一项操作，请刷新页面后重新提交。"


class HoldNotFound(errors.NotFound):
    """There is no hold under this key."""

    code = "hold_not_found"
    message = "没有找到这笔冻结记录。"
