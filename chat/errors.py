"""Names what can go wrong in a conversation."""

from guoxue.errors import ApplicationError, Conflict, InvalidInput, NotFound, ServiceUnavailable


class MessageEmpty(InvalidInput):
    """The message has no visible character."""

    code = "message_empty"
    message = "请先输入想问的内容。"


class MessageTooLong(InvalidInput):
    """The message exceeds ``MESSAGE_MAX_CHARACTERS``."""

    code = "message_too_long"
    message = "消息太长，请精简后再发送。"


class SessionNotFound(NotFound):
    """No such session, or it belongs to somebody else."""

    code = "session_not_found"
    message = "没有找到这个会话，它可能已被删除。"


class MessageNotFound(NotFound):
    """No such message, or it belongs to somebody else."""

    code = "message_not_found"
    message = "没有找到这条消息，它可能已被删除。"


class RoleNotFound(NotFound):
    """No such role, or operators have switched it off."""

    code = "role_not_found"
    message = "没有找到这个角色，请换一个角色。"


class RoleNotPassed(Conflict):
    """A reader's own role that moderation has not let pass: it waits for an operator, or one has refused it."""

    code = "role_not_passed"
    message = "这个角色还没有通过审核，暂时不能使用；请先换一个角色。"


class OwnRoleLimitReached(Conflict):
    """The reader has as many roles of their own as anybody may."""

    code = "own_role_limit_reached"
    message = "自建角色已满，请先删除一个再新建。"


class RoleChanged(Conflict):
    """The role's owner has changed it since the operator looked at it."""

    code = "role_changed"
    message = "读者刚刚改过这个角色，请看过新的内容再作决定。"


class ReplyInProgress(Conflict):
    """The session has a reply that is still streaming; at most one runs at a time."""

    code = "reply_in_progress"
    message = "上一条回复还在进行，请等它结束或先停止它。"
    retryable = True


class ClientMessageIdReused(Conflict):
    """The same ``client_message_id`` came again with other content."""

    code = "client_message_id_reused"
    message = "这条消息的编号已被另一条内容使用，请重新发送。"


class NotContinuable(Conflict):
    """Only a reply that was stopped or broke off, and has text, can be written on."""

    code = "not_continuable"
    message = "这条回复已经写完，或还没有内容，不能续写；可以重新生成。"


class ContentBlocked(InvalidInput):
    """Moderation does not let the text pass. It is not said which word it was: that would teach how to get round it."""

    code = "content_blocked"
    message = "内容含有不允许发布的信息，没有保存。请修改后重试；如果您认为有误，请联系客服。"


class ModerationUnavailable(ServiceUnavailable):
    """A moderator that must judge the text does not answer, and the settings do not let it pass unjudged."""

    code = "moderation_unavailable"
    message = "内容审核暂时不可用，没有保存，请稍后再试。"
    # For so long a moderator that fails is not asked.
    retry_after_seconds = 30


class WordRefused(InvalidInput):
    """A word, or a file of words, that cannot go on the word list."""

    code = "word_refused"
    message = "词表有误，请按提示修改后重试。"


class ReportNotFound(NotFound):
    """No such report."""

    code = "report_not_found"
    message = "没有找到这条举报，它可能已随消息删除。"


class ReportAlreadyHandled(Conflict):
    """An operator has decided on the report before."""

    code = "report_already_handled"
    message = "这条举报已有处理结果，请刷新后查看。"


class MalformedFrame(InvalidInput):
    """A WebSocket frame is not a JSON object ``{"type", "data"}`` of a known type."""

    code = "malformed_frame"
    message = "收到无法识别的数据，请刷新页面后重试。"


class LeaseLost(ApplicationError):
    """This process no longer owns the reply: another one has ended it."""

    code = "lease_lost"
    status = 409
    message = "这条回复已由服务器的另一进程结束。"


class ServiceSaturated(ServiceUnavailable):
    """As many replies are being written as the model takes, and as many wait as may."""

    code = "service_saturated"
    message = "现在提问的人太多，请稍后再试。"
    retry_after_seconds = 15


class ServiceRestarting(ServiceUnavailable):
    """This process takes no more questions; the next one takes over at once."""

    code = "service_restarting"
    message = "服务正在更新，请几秒后再试。"
    retry_after_seconds = 3


class RepliesWrittenElsewhere(ServiceUnavailable):
    """This process serves REST only (WSGI); the proxy should have asked one that writes replies."""

    code = "replies_written_elsewhere"
    message = "这个进程不生成回复，请管理员检查反向代理的配置。"


class InstructionsLeaked(ApplicationError):
    """The model began to write out what only its instructions hold; the reply was cut before that."""

    code = "instructions_leaked"
    status = 502
    message = "回复涉及系统内部说明，已在此处中止。请换个问法再试。"


class ReplyRetracted(ApplicationError):
    """Moderation does not let pass what the model wrote: what was shown of it is taken back."""

    code = "reply_retracted"
    status = 451
    message = "这条回复未通过内容审核，已撤回，不收费。请换个问法再试。"


class ExportNotFound(NotFound):
    """No such export, or it belongs to somebody else."""

    code = "export_not_found"
    message = "没有找到这份导出，它可能已被删除。"


class NothingToExport(Conflict):
    """None of the chosen sessions has a message."""

    code = "nothing_to_export"
    message = "选中的对话里还没有消息，没有可以导出的内容。"


class ExportLimitReached(Conflict):
    """The reader has as many exports under way, or kept, as may be."""

    code = "export_limit_reached"
    message = "正在生成的导出已达上限，请等它们完成后再试。"


class ExportTooLarge(Conflict):
    """More sessions, or a larger file, than one export may have."""

    code = "export_too_large"
    message = "内容太多，一份文件放不下，请分几次导出。"


class ExportLinkInvalid(NotFound):
    """The signature of a download link is not ours."""

    code = "export_link_invalid"
    message = "下载链接不正确，请在“对话记录”里重新下载。"


class ExportLinkExpired(ApplicationError):
    """The download link is older than it may be; a new one comes with the export."""

    code = "export_link_expired"
    status = 410
    message = "下载链接已过期，请在“对话记录”里重新下载。"


class ExportExpired(ApplicationError):
    """The file has been removed: its time was up."""

    code = "export_expired"
    status = 410
    message = "这份导出已过期，文件已删除，请重新导出。"


class PdfUnavailable(ServiceUnavailable):
    """This machine lacks the libraries, or the Chinese font, that a PDF needs."""

    code = "pdf_unavailable"
    message = "服务器没有装好生成 PDF 所需的组件，请改用 Markdown 或 JSON，或联系客服。"
    retryable = False


class ExportStorageFailed(ServiceUnavailable):
    """The file cannot be written: the disk is full, or the folder is not ours."""

    code = "export_storage_failed"
    message = "服务器暂时存不下这份文件，请稍后再试。"


class ExportInterrupted(ApplicationError):
    """The worker was killed in the middle, as often as may be; mostly the memory was not enough."""

    code = "export_interrupted"
    status = 500
    message = "几次生成都中途断掉，多半是内容太多。请减少会话，或改用 Markdown 或 JSON。"


class ExportFailed(ApplicationError):
    """Something that nobody foresaw; it is in the worker's log."""

    code = "export_failed"
    status = 500
    message = "生成文件时发生意外错误，已记入日志。请稍后再试。"
