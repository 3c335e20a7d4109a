"""What stands in an exported file: the shown branch with its evidence and labels, and nothing that is withheld."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from chat.labels import implicit_label, label_of
from chat.models import Message
from chat.services.sessions import create_session, rename_session
from chat.tests.exporting import FORGED, QUOTE, SOURCE, export_dir, exported, json_of, text_of

__all__ = ["export_dir"]
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "export-1.schema.json"


@pytest.fixture
def reply(talk) -> Message:
    reply = talk.ask("「学而不思则罔」出自哪里？", "「学而不思则罔」，「上善如酒」。见 [1]。")
    Message.objects.filter(id=reply.id).update(sources=[SOURCE], quotes=[QUOTE, FORGED], output_tokens=12)
    return reply


def test_markdown_has_title_question_reply_verdicts_sources_and_label(reader, session, reply):
    rename_session(user=reader, session_id=session.id, title="学与思")

    text = text_of(exported(reader, "markdown"))

    lines = text.splitlines()
    assert "## 学与思" in lines
    assert "> 「学而不思则罔」出自哪里？" in lines
    assert "「学而不思则罔」，「上善如酒」。见 [1]。" in lines
    assert f"（{label_of(reply)}；内容编号 {reply.id}）" in lines
    assert "- ✓ 原文「学而不思则罔」：原文核对无误：《论语·为政》" in lines
    assert "- ✗ 未见「上善如酒」：典籍库中未见此句" in lines
    assert "1. 《论语·为政》：子曰：「学而不思则罔，思而不学则殆。」" in lines
    assert "每个对话只含当前显示的分支；同一问题的其他版本没有导出。" in text


def test_markdown_carries_the_label_where_machines_read_it(reader, reply):
    export = exported(reader, "markdown")

    front = text_of(export).split("---\n")[1]

    block = next(line for line in front.splitlines() if line.startswith("AIGC: ")).removeprefix("AIGC: ")
    assert json.loads(block) == implicit_label(export.id).as_dict()["AIGC"]


def test_json_has_all_of_the_shown_branch(reader, session, reply):
    exported_file = json_of(exported(reader, "json"))

    (conversation,) = exported_file["sessions"]
    question, answer = conversation["messages"]
    assert (exported_file["format"], exported_file["version"]) == ("guoxue-conversations", 1)
    assert conversation["id"] == str(session.id)
    assert (question["author"], question["text"]) == ("reader", "「学而不思则罔」出自哪里？")
    assert (answer["id"], answer["content_id"], answer["label"]) == (
        str(reply.id),
        str(reply.id),
        label_of(reply),
    )
    assert (answer["sources"], answer["quotes"]) == ([SOURCE], [QUOTE, FORGED])
    assert answer["usage"]["output_tokens"] == 12
    assert answer["ai_generated"] is True


def test_json_keeps_to_its_schema_and_carries_the_metadata(reader, session, reply, talk):
    talk.ask("再问", "再答")
    withheld = talk.ask("三问", "不当")
    Message.objects.filter(id=withheld.id).update(flag="blocked")
    export = exported(reader, "json")

    exported_file = json_of(export)

    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(exported_file)
    assert exported_file["AIGC"] == implicit_label(export.id).as_dict()["AIGC"]


def test_only_the_shown_branch_is_exported(reader, talk):
    first = talk.ask("甲", "其一")
    talk.regenerate(first, "其二")

    (conversation,) = json_of(exported(reader, "json"))["sessions"]

    assert [message["text"] for message in conversation["messages"]] == ["甲", "其二"]


def test_messages_come_in_order_however_many(reader, talk):
    for number in range(55):
        talk.ask(f"问{number}", f"答{number}")

    (conversation,) = json_of(exported(reader, "json"))["sessions"]

    expected = [text for number in range(55) for text in (f"问{number}", f"答{number}")]
    assert [message["text"] for message in conversation["messages"]] == expected


@pytest.mark.parametrize("format", ["markdown", "json"])
def test_withheld_text_never_comes_out(reader, talk, format):
    reply = talk.ask("甲", "不当的话")
    Message.objects.filter(id=reply.id).update(
        flag="blocked", sources=[SOURCE], quotes=[QUOTE], reasoning="不当的念头"
    )

    text = text_of(exported(reader, format))

    assert "这条内容未通过审核，没有导出。" in text
    assert [word for word in ("不当", "学而不思") if word in text] == []


def test_a_reply_that_still_streams_is_named_as_such(reader, talk):
    talk.leave_streaming("甲")

    assert "（这条回复还在生成，没有导出。）" in text_of(exported(reader, "markdown"))


def test_what_others_wrote_does_not_change_the_document(reader, session, talk):
    rename_session(user=reader, session_id=session.id, title="# 假标题\n## [x](http://evil)")
    talk.ask("# 一\n<img src=http://evil/x.png>", "# 大题\n正文 <b>粗</b> ![x](http://evil)\n```\n# 码 <b>\n")

    lines = text_of(exported(reader, "markdown")).splitlines()

    assert r"## \# 假标题 \#\# \[x\](http://evil)" in lines
    assert r"> \# 一  " in lines
    assert r"> \<img src=http://evil/x.png\>" in lines
    assert "#### 大题" in lines
    assert r"正文 \<b>粗\</b> \![x](http://evil)" in lines
    # What stands in a code block is left alone, and the block that was left open is closed.
    place = lines.index("# 码 <b>")
    assert (lines[place - 1], lines[place + 1]) == ("```", "```")


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("C# 与 # 号\n## 小题", "C# 与 # 号\n##### 小题"),
        ("> # 引中题\n\n- # 项中题", "> #### 引中题\n\n- #### 项中题"),
        ("大题\n===\n正文", "#### 大题\n正文"),
        ("> 两行\n> 小题\n> ---\n> 正文", "> ##### 两行 小题\n> 正文"),
        ("###### 深题\n\n---\n文", "###### 深题\n\n---\n文"),
        # The second line does not end the code: it says more than a fence.
        ("```\n```python\n# 码\n```\n# 题", "```\n```python\n# 码\n```\n#### 题"),
        ("    # 缩进的码 <b>", "    # 缩进的码 <b>"),
        # A fence in a list ends with the list.
        ("- 例\n  ```\n  码\n\n# 题 <b>", "- 例\n  ```\n  码\n\n#### 题 \\<b>"),
        ("1. 例\n   ~~~\n   码", "1. 例\n   ~~~\n   码"),
        ("~~~~\n```\n~~~", "~~~~\n```\n~~~\n~~~~"),
        ("```", "```\n```"),
        ("一\u2028# 二\x0b# 三", "一\u2028# 二\x0b# 三"),
    ],
)
def test_the_structure_of_a_reply_stays_under_its_speaker(reader, talk, reply, shown):
    message = talk.ask("问", reply)

    text = text_of(exported(reader, "markdown"))

    place = text.index(f"\n\n（{label_of(message)}")
    words = text[:place].rpartition("\n### ")[2].partition("\n\n")[2]
    assert words == shown


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("题\n===\n---", r"> 题|> \===|> \---"),
        ("- 甲\n+ 乙\n1. 丙\n23) 丁", r"> \- 甲|> \+ 乙|> 1\. 丙|> 23\) 丁"),
        ("&lt;b&gt; 1.5 元", r"> \&lt;b\&gt; 1.5 元"),
        ("论语 1-2 章", "> 论语 1-2 章"),
    ],
)
def test_a_question_reads_as_it_was_typed(reader, talk, question, shown):
    talk.ask(question, "答")

    lines = [line.rstrip() for line in text_of(exported(reader, "markdown")).splitlines()]

    assert [line for line in lines if line.startswith(">")] == shown.split("|")


def test_a_reply_that_would_keep_the_parser_at_work_comes_as_plain_text(reader, talk):
    talk.ask("问", "> " * 2000 + "# 甲\n```")

    lines = text_of(exported(reader, "markdown")).splitlines()

    assert (r"\> " * 2000 + r"\# 甲  " in lines, r"\`\`\`" in lines) == (True, True)


def test_sessions_come_oldest_first_and_empty_ones_not_at_all(reader, session, talk):
    talk.ask("旧", "答")
    create_session(user=reader)
    newer = create_session(user=reader)
    talk.session = newer
    talk.ask("新", "答")

    export = exported(reader, "json")

    ids = [conversation["id"] for conversation in json_of(export)["sessions"]]
    assert ids == [str(session.id), str(newer.id)]
    assert (export.processed, export.total) == (2, 2)
