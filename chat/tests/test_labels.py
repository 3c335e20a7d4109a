import json
import re
import uuid

from chat.labels import content_id_of, implicit_label, label_of, labelled_copy
from chat.models import Message

ID = uuid.UUID("0b5c0b5c-0b5c-4b5c-8b5c-0b5c0b5c0b5c")


def reply(model: str) -> Message:
    return Message(id=ID, author="assistant", model=model, text="学者，效也。")


def test_every_label_has_the_words_that_the_standard_asks_for():
    labels = [label_of(reply("deepseek-chat")), label_of(reply("offline"))]

    assert labels == ["内容由 AI 生成，请对照原典", "离线模式：仅摘引原文，由 AI 服务合成"]
    assert all(re.search(r"人工智能|AI", label) and re.search(r"生成|合成", label) for label in labels)


def test_a_copy_carries_label_and_number():
    assert labelled_copy(reply("deepseek-chat")) == (
        f"学者，效也。\n\n（内容由 AI 生成，请对照原典；内容编号 {ID}）"
    )
    assert content_id_of(reply("offline")) == str(ID)


def test_the_metadata_has_the_fields_of_annex_e_all_of_them_strings(settings):
    settings.AIGC_PRODUCER_NAME, settings.AIGC_PRODUCER_CODE = "国学大师", ""

    label = implicit_label(ID)

    assert json.loads(label.as_json()) == label.as_dict()
    assert label.as_dict() == {
        "AIGC": {
            "Label": "1",
            "ContentProducer": "国学大师",
            "ProduceID": str(ID),
            "ReservedCode1": "",
            "ContentPropagator": "国学大师",
            "PropagateID": str(ID),
            "ReservedCode2": "",
        }
    }


def test_a_registered_number_goes_before_the_name(settings):
    settings.AIGC_PRODUCER_CODE = "001191440300MA5F"

    assert implicit_label("导出一").as_dict()["AIGC"]["ContentPropagator"] == "001191440300MA5F"
