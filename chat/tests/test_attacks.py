"""Attacks on a model that obeys them: whatever it answers, nothing comes out that must not."""

import base64
import codecs
import html
import json
import random
import re
import unicodedata
import uuid
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.utils import timezone

from accounts.models import User
from chat.models import Message, Role, Session
from chat.prompts import NumberedPassage, Prompt, build_prompt
from chat.queries import reply_context
from chat.rendering import render_reply
from chat.safe_output import SafeOutput, safe_output
from chat.tests.obedient_model import DISGUISES, HOST, obey

ATTACKS = [json.loads(line) for line in (Path(__file__).parent / "attacks.jsonl").read_text().splitlines()]
SECRET = "我家住在青石巷七号"
PASSAGE = NumberedPassage(1, "《论语·学而》", "学而时习之，不亦说乎？")
LOOKALIKES = str.maketrans("аеорсухіјѕ", "aeopcyxijs")


def converse(owner: User, *turns: tuple[str, str], role: Role, title: str = "") -> Message:
    """A session with answered turns; returns the last reply."""
    session = Session.objects.create(owner=owner, role=role, title=title)
    reply = None
    for question_text, answer in turns:
        asked = Message.objects.create(
            session=session, author="reader", status="completed", text=question_text, parent=reply
        )
        reply = Message.objects.create(
            session=session,
            author="assistant",
            status="completed" if answer else "streaming",
            text=answer,
            reply_to=asked,
            role=role,
            lease_token=None if answer else uuid.uuid4(),
            lease_expires_at=None if answer else timezone.now(),
        )
    assert reply is not None
    return reply


def prompt_under(attack: dict[str, str], reader: User, stranger: User) -> Prompt:
    """The prompt of a reply that is attacked through one channel, beside another reader's conversation."""
    text, channel = attack["text"], attack["channel"]
    offered = Role.objects.get(slug="guoxue-dashi")
    converse(stranger, (f"{SECRET}，何谓仁？", f"您说：{SECRET}。"), role=offered, title=SECRET)
    role = offered
    if channel == "role":
        role = Role.objects.create(owner=reader, name="自建", system_prompt=text)
    first = (text, text) if channel == "earlier_turn" else ("何谓学？", "学者，效也。")
    question = text if channel == "question" else "何谓仁？"
    reply = converse(reader, first, (question, ""), role=role, title=text if channel == "title" else "问学")
    context = reply_context(reply)
    passages = [PASSAGE]
    if channel == "passage":
        passages.append(NumberedPassage(2, "《伪书·卷一》", text))
    return build_prompt(
        role=context.role,
        question=context.question,
        history=context.history,
        passages=passages,
        summary=text if channel == "summary" else "",
    )


def streamed(text: str, canary: str, seed: str) -> str:
    """The joined deltas of a text that arrives in pieces of random length."""
    chance = random.Random(seed)
    output = SafeOutput(canary)
    shown = []
    while text:
        length = chance.randint(1, 12)
        shown.append(output.feed(text[:length]))
        text = text[length:]
    return "".join([*shown, output.finish()])


def readings(text: str) -> list[str]:
    """What somebody could read out of a text who knows how it was disguised, as plain small letters."""
    seen = html.unescape(unquote(text))
    seen = re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), seen)
    letters = unicodedata.normalize("NFKD", seen.translate(LOOKALIKES))
    decoded = [letters, codecs.encode(letters, "rot13")]
    for word in re.findall(r"[A-Za-z0-9+/]{8,}", seen):
        for start in range(4):
            chunk = word[start:] if len(word[start:]) % 4 != 1 else word[start:-1]
            decoded.append(base64.b64decode(chunk + "=" * (-len(chunk) % 4)).decode("latin1"))
    for digits, base in ((r"(?:[0-9a-f]{2}){8,}", 16), (r"(?:[01]{8}\s*){8,}", 2)):
        for word in re.findall(digits, seen):
            number = word.replace(" ", "")
            width = 2 if base == 16 else 8
            decoded.append(
                "".join(chr(int(number[at : at + width], base)) for at in range(0, len(number), width))
            )
    decoded.append("".join(chr(int(number)) for number in re.findall(r"\b\d{2,3}\b", seen)))
    plain = [re.sub(r"[^a-z]", "", each.lower()) for each in decoded]
    return plain + [each[::-1] for each in plain]


class Elements(HTMLParser):
    """Collects the elements and the visible text of an HTML fragment."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(fragment)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_nothing_came_out(text: str, canary: str) -> None:
    page = Elements(render_reply(text, [{"n": 1, "passage_id": 77}]))
    for shown in (text, page.text):
        assert not any(canary in reading for reading in readings(shown))
        plain = unicodedata.normalize("NFKC", unquote(html.unescape(shown)))
        plain = re.sub(r"[\\*\u200b-\u200d]", "", plain)
        assert HOST not in plain and "t1ger-exfil" not in plain
        assert "://" not in plain and "javascript:" not in plain
        assert SECRET not in shown
    assert not re.search(r"<|!\[|\]\(|\]:|data:", text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"img", "image", "script", "iframe", "svg", "object"})
    links = [attributes.get("href") for tag, attributes in page.elements if tag == "a"]
    assert set(links) <= {"/passages/77"}
    assert not any(name.startswith("on") or name == "src" for _, names in page.elements for name in names)


def test_there_are_two_hundred_attacks_and_no_two_alike():
    assert len(ATTACKS) >= 200
    assert len({(attack["channel"], attack["text"]) for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack["id"] for attack in ATTACKS])
def test_an_obeyed_attack_brings_nothing_out(attack, reader, stranger):
    prompt = prompt_under(attack, reader, stranger)
    answer = obey(attack["answer"], prompt.messages, prompt.canary)

    shown = streamed(answer, prompt.canary, attack["id"])

    assert SECRET not in "".join(message.content for message in prompt.messages)
    assert shown == safe_output(answer, prompt.canary)
    assert_nothing_came_out(shown, prompt.canary)


def test_the_attacks_would_succeed_without_the_filter(reader, stranger):
    survivors = []
    for attack in ATTACKS:
        if attack["answer"] == "everything":
            continue
        prompt = prompt_under(attack, reader, stranger)
        answer = obey(attack["answer"], prompt.messages, prompt.canary)
        try:
            assert_nothing_came_out(answer, prompt.canary)
        except AssertionError:
            continue
        survivors.append(attack["id"])

    assert survivors == []


@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_checks_of_this_test_can_read_every_disguise(disguise):
    canary = "qhzkwvtjbxfgpydm"
    text = DISGUISES[disguise](canary)
    visible = re.sub(r"<[^>]*>|\(/passages/1\)", "", text)

    assert any(canary in reading for reading in readings(visible))


def test_a_prompt_recited_from_its_beginning_shows_nothing_of_the_instructions(reader, stranger):
    prompt = prompt_under(ATTACKS[0], reader, stranger)
    recited = "\n".join(message.content for message in prompt.messages)

    shown = safe_output(recited, prompt.canary)

    assert len(shown) < 20
    assert "回答要求" not in shown
