"""Decides what the offline model answers: the best passages, quoted and cited, and nothing of its own."""

from collections.abc import Sequence

from chat.grounding import Source

QUOTED_SOURCES = 3
NOTHING_FOUND = "典籍库里没有找到与此相关的原文。请换一个说法，或写出您记得的半句原文。"
INVITATION = "（以上为典籍原文摘引，未经模型解读；接入语言模型后可得到讲解。）"


def compose_answer(sources: Sequence[Source]) -> str:
    """Compose the Markdown answer: an exact hit with what stands around it, else the few best passages."""
    hits = [source for source in sources if not source.context]
    if not hits:
        return NOTHING_FOUND
    if hits[0].exact:
        context = [source for source in sources if source.context]
        parts = _answer_with_context(hits[0], context)
        others = [source for source in hits[1:] if source.exact][: QUOTED_SOURCES - 1]
        if others:
            parts += ["又见于："] + [_quotation(source) for source in others]
    else:
        parts = ["与您的问题最相近的原文："] + [_quotation(source) for source in hits[:QUOTED_SOURCES]]
    return "\n\n".join([*parts, INVITATION])


def _answer_with_context(hit: Source, context: Sequence[Source]) -> list[str]:
    parts = [f"这句话出自{hit.citation}[{hit.n}]，原文是：", _blockquote(hit.text)]
    before = [source for source in context if source.context == "before"]
    after = [source for source in context if source.context == "after"]
    if before:
        parts += ["上文：", *(_blockquote(f"{source.text} [{source.n}]") for source in before)]
    if after:
        parts += ["下文：", *(_blockquote(f"{source.text} [{source.n}]") for source in after)]
    return parts


def _quotation(source: Source) -> str:
    return f"{source.citation}[{source.n}]\n\n{_blockquote(source.text)}"


def _blockquote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
