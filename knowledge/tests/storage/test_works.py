"""A work that is loaded again keeps what is the same; what a vector or the index has wrong then, it loses."""

from dataclasses import replace

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from knowledge import services
from knowledge.models import Embedding, IndexSegment, Passage, Section, Work
from knowledge.outlining.outline import WorkOutline, outline_works
from knowledge.outlining.records import Heading, Record, WorkDetails
from knowledge.storage.works import Changes
from knowledge.tests.corpus import assert_index_is_true

pytestmark = pytest.mark.django_db

WORK = WorkDetails("书")
LONG = "".join(f"第{chr(0x4E00 + number)}句，天地玄黄，宇宙洪荒。" for number in range(60))


def record(text: str, *headings: str, **fields: str) -> Record:
    return Record(WORK, tuple(Heading(title) for title in headings), text, 1, **fields)


def outline(*records: Record) -> WorkOutline:
    return next(outline_works(records))


def store(*records: Record) -> Changes:
    planned = outline(*records)
    return services.store_work(outline=planned, content_hash=planned.content_hash, origin="书.md").changes


def give_vectors() -> None:
    for passage in Passage.objects.all():
        Embedding.objects.create(passage=passage, work=passage.work, model="m", vector=[1, 0])


def with_vectors() -> list[int]:
    return list(Embedding.objects.order_by("passage__ordinal").values_list("passage__ordinal", flat=True))


def ids() -> list[int]:
    return list(Passage.objects.order_by("ordinal").values_list("pk", flat=True))


def test_every_column_is_stored() -> None:
    started = timezone.now()

    store(record("學而時習之。", "学而", translation="学了常温习。", kind="commentary"), record(LONG, "为政"))

    first, second, third, *_ = Passage.objects.order_by("ordinal")
    assert (first.section.path, first.kind, first.text, first.translation) == (
        "学而",
        "commentary",
        "學而時習之。",
        "学了常温习。",
    )
    assert (first.folded, first.length, first.continues) == ("学而时习之", 5, False)
    assert len(first.content_hash) == 64
    assert started < first.created_at < timezone.now()
    assert (second.continues, third.continues, third.section.path) == (False, True, "为政")
    assert Work.objects.get().character_count == 5 + sum(map(len, [p.folded for p in (second, third, *_)]))


def test_new_translation_updates_its_passage_and_keeps_its_id_and_vector() -> None:
    store(record("天地玄黄。"), record("宇宙洪荒。", translation="宇宙辽阔。"))
    services.index_corpus()
    give_vectors()
    before = ids()

    changes = store(
        record("天地玄黄。", translation="天黑地黄。"), record("宇宙洪荒。", translation="宇宙辽阔。")
    )

    assert changes == Changes(updated=1, kept=1)
    assert ids() == before
    assert Passage.objects.get(ordinal=1).translation == "天黑地黄。"
    assert with_vectors() == [1, 2]
    assert IndexSegment.objects.get().is_stale
    services.index_corpus()
    assert_index_is_true()


def test_new_kind_updates_its_passage_and_leaves_index_and_vector_alone() -> None:
    store(record("天地玄黄。"))
    services.index_corpus()
    give_vectors()
    before = ids()

    changes = store(record("天地玄黄。", kind="commentary"))

    assert changes == Changes(updated=1)
    assert ids() == before
    assert Passage.objects.get().kind == "commentary"
    assert with_vectors() == [1]
    assert not IndexSegment.objects.get().is_stale


def test_passage_that_no_longer_continues_another_loses_its_vector() -> None:
    store(record(LONG))
    give_vectors()
    texts = list(Passage.objects.order_by("ordinal").values_list("text", flat=True))
    before = ids()

    changes = store(*(record(text) for text in texts))

    assert changes == Changes(updated=2, kept=1)
    assert ids() == before
    assert list(Passage.objects.values_list("continues", flat=True)) == [False] * 3
    assert with_vectors() == [1]


def test_passage_that_continues_another_text_than_before_loses_its_vector() -> None:
    planned = outline(record(LONG))
    services.store_work(outline=planned, content_hash="a", origin="书.md")
    give_vectors()
    first, *rest = planned.passages
    altered = replace(first, text="另一段文字。", folded="另一段文字", content_hash="x" * 64)

    result = services.store_work(
        outline=WorkOutline(planned.details, planned.sections, [altered, *rest]),
        content_hash="b",
        origin="书.md",
    )

    assert result.changes == Changes(added=1, removed=1, kept=2)
    assert with_vectors() == [3]


def test_equal_texts_keep_to_their_places() -> None:
    store(record("子曰。", "甲"), record("子曰。", "乙"), record("子曰。", "丙"))
    places = dict(Passage.objects.values_list("section__title", "pk"))

    changes = store(record("子曰。", "乙"), record("子曰。", "丙"))

    assert changes == Changes(removed=1, kept=2)
    assert dict(Passage.objects.values_list("section__title", "pk")) == {
        title: key for title, key in places.items() if title != "甲"
    }
    assert not Section.objects.filter(title="甲").exists()


def test_sections_may_change_their_order_and_their_parents() -> None:
    store(record("天地玄黄。", "甲", "子"), record("宇宙洪荒。", "乙"))
    before = dict(Section.objects.values_list("path", "pk"))

    store(record("宇宙洪荒。", "乙"), record("天地玄黄。", "甲", "子"), record("日月盈昃。", "乙", "子"))

    after = {each.path: each for each in Section.objects.select_related("parent")}
    assert list(Section.objects.order_by("ordinal").values_list("path", flat=True)) == [
        "乙",
        "乙·子",
        "甲",
        "甲·子",
    ]
    assert {path: after[path].pk for path in before} == before
    assert after["乙·子"].parent.path == "乙"
    assert after["甲·子"].parent.path == "甲"


def test_statements_do_not_grow_with_the_work() -> None:
    def count(size: int) -> tuple[int, int]:
        Work.objects.all().delete()
        texts = [record(f"天地{chr(0x4E00 + n)}。", chr(0x5E00 + n % (size // 5))) for n in range(size)]
        with CaptureQueriesContext(
            connection,
        ) as first:
            store(*texts)
        with CaptureQueriesContext(connection) as second:
            store(*(replace(each, headings=(Heading(f"新{each.headings[0].title}"),)) for each in texts[1:]))
        return len(first), len(second)

    assert count(20) == count(1000)


def test_changed_folding_reaches_every_passage_and_the_index() -> None:
    store(record("天地玄黄。"), record("宇宙洪荒。"))
    services.index_corpus()
    Passage.objects.filter(ordinal=1).update(folded="天地", length=2)
    Work.objects.update(character_count=6)
    told: list[tuple[str, int, int]] = []

    refolded = services.reindex_corpus(on_progress=lambda *step: told.append(step))

    assert refolded == 1
    assert Passage.objects.get(ordinal=1).folded == "天地玄黄"
    assert (Passage.objects.get(ordinal=1).length, Work.objects.get().character_count) == (4, 8)
    assert told == [("folding", 2, 2), ("indexing", 2, 2)]
    assert_index_is_true()


def test_search_finds_everything_while_the_index_is_rebuilt(monkeypatch) -> None:
    """Segments are replaced one by one, each in its transaction: at no time is one missing."""
    monkeypatch.setattr("knowledge.index.indexing.SEGMENT_LIMIT", 2)
    for text in ("天地玄黄。", "宇宙洪荒。", "日月盈昃。"):
        store(*(record(each) for each in [*Passage.objects.values_list("text", flat=True), text]))
        services.index_corpus()

    services.reindex_corpus(on_progress=lambda *_step: assert_index_is_true())

    assert not IndexSegment.objects.filter(is_stale=True).exists()


def check_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    ("model", "change", "constraint"),
    [
        (Passage, {"section": "other"}, "passage_section_of_same_work"),
        (Passage, {"section_id": 10**9}, "passage_section_of_same_work"),
        (Section, {"parent": "other"}, "section_parent_of_same_work"),
        (Section, {"parent_id": 10**9}, "section_parent_of_same_work"),
        (Passage, {"length": 3}, "passage_length_true"),
    ],
    ids=str,
)
def test_the_database_holds_the_tree_together(model, change: dict[str, object], constraint: str) -> None:
    store(record("天地玄黄。", "甲"))
    other = replace(record("宇宙洪荒。", "乙"), work=WorkDetails("他书"))
    services.store_work(outline=outline(other), content_hash="x", origin="他书.md")
    foreign = Section.objects.get(title="乙")

    with pytest.raises(IntegrityError, match=constraint):
        values = {name: foreign if value == "other" else value for name, value in change.items()}
        model.objects.filter(work__title="书").update(**values)
        check_now()
