"""Works made row by row, for tests of what is read: nothing of ingestion is in them."""

from knowledge.folding import fold
from knowledge.models import Passage, Section, Work


def make_work(title: str = "史记", **fields: object) -> Work:
    return Work.objects.create(title=title, **{"passage_count": 1, "character_count": 100, **fields})


def add_section(work: Work, title: str, *, parent: Section | None = None, **fields: object) -> Section:
    """Add a section after all others of the work."""
    path = f"{parent.path}·{title}" if parent else title
    ordinal = work.sections.count() + 1
    return Section.objects.create(work=work, title=title, path=path, parent=parent, ordinal=ordinal, **fields)


def add_passage(place: Work | Section, text: str, **fields: object) -> Passage:
    """Add a passage to a section, or to a work without sections, after all others of the work."""
    section = place if isinstance(place, Section) else None
    work = section.work if section else place
    folded = fold(text)
    return Passage.objects.create(
        work=work,
        section=section,
        ordinal=work.passages.count() + 1,
        text=text,
        folded=folded,
        length=len(folded),
        content_hash="",
        **fields,
    )


def shiji() -> Work:
    """本纪 holds 五帝本纪 and 项羽本纪; 世家 holds 陈涉世家; 自序 stands alone. Six passages."""
    work = make_work(
        "史记", author="司马迁", dynasty="西汉", category="史部", edition="百衲本", passage_count=6
    )
    annals = add_section(work, "本纪")
    add_passage(add_section(work, "五帝本纪", parent=annals), "黄帝者，少典之子，姓公孙，名曰轩辕。")
    xiangyu = add_section(work, "项羽本纪", parent=annals)
    add_passage(xiangyu, "项籍者，下相人也，字羽。", translation="项籍是下相人，字羽。")
    add_passage(xiangyu, "籍曰：“彼可取而代也。”", translation="项籍说：“那个人，我可以取代他！”")
    add_passage(xiangyu, "梁掩其口，曰：“毋妄言，族矣！”", continues=True)
    houses = add_section(work, "世家")
    add_passage(add_section(work, "陈涉世家", parent=houses), "陈胜者，阳城人也，字涉。")
    add_passage(add_section(work, "自序"), "太史公曰：余述历黄帝以来至太初而讫，百三十篇。")
    return work
