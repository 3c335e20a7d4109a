"""The names of the works are read once per process, and again whenever they change."""

from pathlib import Path

import pytest

from knowledge.models import Work
from knowledge.quotations.work_names import load_work_names
from knowledge.services import remove_work
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, load

pytestmark = pytest.mark.django_db


def test_names_are_read_again_only_when_a_work_changes(tmp_path: Path, django_assert_num_queries) -> None:
    load(tmp_path, LUNYU, DAODEJING)
    first = load_work_names()

    with django_assert_num_queries(1):
        second = load_work_names()

    assert second is first
    assert first.works["老子"] == first.works["道德经"] != first.works["论语"]


def test_every_change_of_a_work_is_seen(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    work = Work.objects.get()
    assert "孔门问答" not in load_work_names().works

    work.aliases = ["孔门问答"]
    work.save()
    assert "孔门问答" in load_work_names().works

    load(tmp_path, LUNYU, DAODEJING)
    assert "道德经" in load_work_names().works

    remove_work(work_id=work.pk)
    assert "论语" not in load_work_names().works


def test_editions_of_one_title_share_its_name(tmp_path: Path) -> None:
    load(tmp_path, DAODEJING, DAODEJING.replace("dynasty: 春秋", "edition: 帛书本"))

    assert len(load_work_names().works["道德经"]) == 2


def test_selections_are_known_as_partial(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, POEMS)
    names = load_work_names()

    assert names.partial == names.works["唐诗选"]


def test_poets_are_people_and_poems_are_sections(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, POEMS)
    names = load_work_names()

    assert {"李白", "王之涣"} <= names.people
    assert names.has_section("静夜思")
    assert not names.has_section("早发白帝城")
    assert names.has_section_in(names.works["论语"], "为政第二")
    assert not names.has_section_in(names.works["论语"], "静夜思")
