from chat.models import Role
from chat.prompts import NumberedPassage, PastTurn, build_prompt
from guoxue.llm import bound_tokens

PASSAGES = [NumberedPassage(n, f"《论语·第{n}》", "学而时习之" * 20) for n in range(1, 6)]
HISTORY = [PastTurn(f"第{n}问", "答" * 200) for n in range(1, 6)]


def role(**fields) -> Role:
    return Role(**{"system_prompt": "你是先生。", "prompt_budget_tokens": 6000, **fields})


def test_the_prompt_holds_role_passages_history_and_question_in_order():
    prompt = build_prompt(role=role(), question="何谓学？", history=HISTORY[:1], passages=PASSAGES[:2])

    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.messages[0].content.startswith("你是先生。")
    assert "<原文 编号=1 出处=《论语·第1》>" in prompt.messages[0].content
    assert prompt.messages[1].content == "第1问"
    assert prompt.messages[-1].content == "何谓学？"


def test_the_prompt_stays_inside_the_budget_and_prefers_the_best_passages_and_newest_turns():
    prompt = build_prompt(
        role=role(prompt_budget_tokens=700), question="何谓学？", history=HISTORY, passages=PASSAGES
    )

    assert sum(bound_tokens(message.content) for message in prompt.messages) <= 700
    assert 0 < prompt.passages < len(PASSAGES)
    assert "编号=1" in prompt.messages[0].content
    assert [message.content for message in prompt.messages if message.role == "user"][-2:-1] in (
        [],
        ["第5问"],
    )


def test_without_passages_the_prompt_says_so():
    prompt = build_prompt(role=role(), question="何谓学？", history=[], passages=[])

    assert "典籍库里没有找到相关原文" in prompt.messages[0].content
