"""The texts that come with the program follow its releases, and give way to what an operator has brought."""

from pathlib import Path

import pytest

from knowledge import services
from knowledge.formats import discover
from knowledge.ingestion import loading
from knowledge.models import Passage, Work
from knowledge.starter import loading as starter
from knowledge.tests.corpus import DAODEJING, LUNYU, assert_index_is_true, ingest_file, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A starter corpus of one work."""
    (tmp_path / "starter").mkdir()
    write(tmp_path / "starter", "lunyu.md", LUNYU)
    return tmp_path / "starter"


def test_new_edition_replaces_the_old_work_and_does_not_stand_beside_it(folder: Path) -> None:
    starter.load_starter(folder=folder)
    before = Work.objects.get().pk, set(Passage.objects.values_list("pk", flat=True))
    write(folder, "lunyu.md", LUNYU.replace("通行本", "校订本"))

    starter.load_starter(folder=folder)

    work = Work.objects.get()
    assert (work.pk, set(Passage.objects.values_list("pk", flat=True))) == before
    assert work.edition == "校订本"
    assert_index_is_true()


def test_renamed_file_is_still_the_same_work(folder: Path) -> None:
    starter.load_starter(folder=folder)
    (folder / "lunyu.md").rename(folder / "analects.md")
    write(folder, "analects.md", LUNYU.replace("通行本", "校订本"))

    starter.load_starter(folder=folder)

    assert Work.objects.get().origin == "starter/analects.md"


def test_work_of_an_operator_is_left_alone(folder: Path, tmp_path: Path) -> None:
    ingest_file(path=write(tmp_path, "own.md", "---\ntitle: 论语\nedition: 集注\n---\n天地玄黄。\n"))

    loaded = starter.load_starter(folder=folder)

    assert loaded == []
    assert Work.objects.get().edition == "集注"


def test_edition_that_an_operator_has_taken_over_is_left_alone(folder: Path, tmp_path: Path) -> None:
    starter.load_starter(folder=folder)
    ingest_file(path=write(tmp_path, "own.md", "---\ntitle: 论语\nedition: 校订本\n---\n天地玄黄。\n"))
    write(folder, "lunyu.md", LUNYU.replace("通行本", "校订本"))

    assert starter.load_starter(folder=folder) == []

    assert dict(Work.objects.values_list("edition", "origin")) == {
        "通行本": "starter/lunyu.md",
        "校订本": "own.md",
    }


def test_second_start_changes_nothing(folder: Path) -> None:
    write(folder, "daodejing.md", DAODEJING)
    starter.load_starter(folder=folder)
    before = list(Passage.objects.order_by("pk").values()), list(Work.objects.order_by("pk").values())

    loaded = starter.load_starter(folder=folder)

    assert [work.unchanged for work in loaded] == [True, True]
    assert (
        list(Passage.objects.order_by("pk").values()),
        list(Work.objects.order_by("pk").values()),
    ) == before


def test_work_from_a_folder_named_starter_is_the_operators_own(folder: Path, tmp_path: Path) -> None:
    write(folder, "lunyu.md", "---\ntitle: 论语\n---\n天地玄黄。\n")
    load_folder(tmp_path)
    before = list(Work.objects.values())
    write(folder, "lunyu.md", LUNYU)

    assert starter.load_starter(folder=folder) == []

    assert Work.objects.get().origin == "starter/lunyu.md"
    assert list(Work.objects.values()) == before


def load_folder(path: Path) -> None:
    loading.ingest_sources(sources=discover([path]), listener=loading.IngestionListener())


def test_work_that_an_operator_has_removed_stays_away_until_it_is_asked_for(folder: Path) -> None:
    starter.load_starter(folder=folder)
    services.remove_work(work_id=Work.objects.get().pk)
    write(folder, "lunyu.md", LUNYU.replace("通行本", "校订本"))
    write(folder, "daodejing.md", DAODEJING)

    again = starter.load_starter(folder=folder)
    restored = starter.load_starter(folder=folder, restore=True)

    assert [work.title for work in again] == ["道德经"]
    assert {work.title for work in restored} == {"道德经", "论语"}
    assert Work.objects.get(title="论语").edition == "校订本"


def test_work_that_an_operator_has_replaced_is_his_own(folder: Path, tmp_path: Path) -> None:
    starter.load_starter(folder=folder)
    ingest_file(path=write(tmp_path, "own.md", f"{LUNYU}\n天地玄黄。\n"))

    assert starter.load_starter(folder=folder, restore=True) == []

    assert (Work.objects.get().origin, Passage.objects.count()) == ("own.md", 7)


def test_work_that_was_not_loaded_for_an_operators_own_comes_when_that_has_gone(
    folder: Path, tmp_path: Path
) -> None:
    ingest_file(path=write(tmp_path, "own.md", "---\ntitle: 论语\n---\n天地玄黄。\n"))
    starter.load_starter(folder=folder)
    services.remove_work(work_id=Work.objects.get().pk)

    starter.load_starter(folder=folder)

    assert Work.objects.get().edition == "通行本"
