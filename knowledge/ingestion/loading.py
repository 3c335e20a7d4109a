"""The use case of loading: sources come into the corpus work by work, can be resumed, and are indexed at the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from django.db import reset_queries
from django.utils import timezone

from knowledge import services
from knowledge.errors import CorpusFileRefused
from knowledge.formats import FileReport, Source
from knowledge.formats.file_names import readable_name, title_of
from knowledge.index.postings import SEGMENT_LIMIT
from knowledge.ingestion.parsing import (
    Parsed,
    ParsedWork,
    ParseRequest,
    RecordsRead,
    RecordsRefused,
    SourceEnd,
    SourceFailed,
    SourceRead,
    SourceSkipped,
    WorkTold,
)
from knowledge.ingestion.parsing_pool import parse_all
from knowledge.locks import Lock, sole
from knowledge.models import IngestedSource, Work
from knowledge.outlining.records import Refusal, WorkDetails
from knowledge.progress import Stage
from knowledge.services import LoadedWork
from knowledge.storage.bulk_rows import analyze
from knowledge.storage.works import Changes

_TABLES = (
    "knowledge_work",
    "knowledge_section",
    "knowledge_passage",
    "knowledge_indexsegment",
    "knowledge_postingblock",
)
# From so many new passages on the planner's statistics are worth a look at once.
_MANY_PASSAGES = 1_000

WorkKey: TypeAlias = tuple[str, str]


@dataclass
class IngestionResult:
    """What sources brought: their works, and how much was refused, failed or skipped."""

    works: list[LoadedWork] = field(default_factory=list)
    refused_count: int = 0
    failed: list[tuple[Source, str]] = field(default_factory=list)
    skipped: list[IngestedSource] = field(default_factory=list)

    @property
    def passage_count(self) -> int:
        """How many passages the works have, new or not."""
        return sum(work.passages for work in self.works)


class IngestionListener:
    """Is told what happens while sources are loaded; this one lets everything pass."""

    def refused(self, source: Source, refusal: Refusal) -> None:
        """A record cannot be loaded."""

    def read(self, source: Source, files: Sequence[FileReport]) -> None:
        """The files of a source were read, each in its format and encoding."""

    def loaded(self, source: Source, work: LoadedWork) -> None:
        """A work is in the corpus."""

    def ended(self, source: Source) -> None:
        """A source has come to its end, good or bad, or is skipped."""

    def progressed(self, stage: Stage, processed: int, total: int) -> None:
        """Some records have been read or loaded, or some passages indexed; a total of 0 is not known yet.

        The records of all sources that were read so far are counted together.
        """


def ingest_sources(
    *,
    sources: Sequence[Source],
    work_title: str = "",
    edition: str = "",
    workers: int = 1,
    resume: bool = False,
    dry_run: bool = False,
    listener: IngestionListener,
) -> IngestionResult:
    """Load sources into the corpus, each of their works in a transaction of its own; vectors come later.

    Idempotent by content: a work that is there as it is stays untouched, one that has changed is replaced
    where it differs, and the ids of all other passages stay. So a run that was killed can be repeated; with
    ``resume`` sources that were loaded to their end, and whose works are still there, are not even parsed.
    What is unfit is reported and the rest is loaded. A work belongs to one source: where a second one brings
    it, too, in the same run, it is refused there. With ``dry_run`` everything is read and nothing stored.

    The index follows in whole segments, and at the end whole; until then new passages are not found.
    """
    requests = [ParseRequest(source, work_title, edition) for source in sources]
    known = _loaded_sources() if resume else {}
    run = _Run(listener, known, dry_run=dry_run)
    if dry_run:
        parse_all(requests, run.take, workers=workers, loaded=frozenset(known))
        return run.result
    with sole(Lock.INDEXING):
        parse_all(requests, run.take, workers=workers, loaded=frozenset(known))
        services.index_corpus(on_progress=listener.progressed)
    if run.added_count >= _MANY_PASSAGES:
        analyze(_TABLES)
    return run.result


def _loaded_sources() -> dict[str, IngestedSource]:
    """Return the sources that were loaded to their end and all of whose works are there as they were, by fingerprint."""
    present = set(Work.objects.exclude(content_hash="").values_list("content_hash", flat=True))
    return {
        source.fingerprint: source
        for source in IngestedSource.objects.all()
        if present.issuperset(source.content_hashes)
    }


class _Run:
    """What is known in the course of one run; it takes what parsing emits, source after source."""

    def __init__(
        self, listener: IngestionListener, known: dict[str, IngestedSource], *, dry_run: bool
    ) -> None:
        self.result = IngestionResult()
        self.added_count = 0
        self._listener = listener
        self._known = known
        self._dry_run = dry_run
        self._brought_by: dict[WorkKey, str] = {}
        self._unindexed = 0
        self._records = self._processed = 0
        self._begin_source()

    def take(self, request: ParseRequest, item: Parsed) -> None:
        """Act on what parsing has to say of a source."""
        if isinstance(item, RecordsRead):
            self._listener.progressed(Stage.READING, self._records + item.count, 0)
        elif isinstance(item, RecordsRefused):
            self._refuse(request.source, item.refusals)
        elif isinstance(item, SourceRead):
            self._records += item.record_count
            self._listener.read(request.source, item.files)
            self._listener.progressed(Stage.LOADING, self._processed, self._records)
        elif isinstance(item, ParsedWork):
            self._load(request, item)
        elif isinstance(item, WorkTold):
            self._index()
        else:
            self._end(request.source, item)

    def _begin_source(self) -> None:
        self._hashes: list[str] = []
        self._refused_in_source = 0
        self._is_whole = True

    def _refuse(self, source: Source, refusals: Sequence[Refusal]) -> None:
        self.result.refused_count += len(refusals)
        self._refused_in_source += len(refusals)
        for refusal in refusals:
            self._listener.refused(source, refusal)

    def _load(self, request: ParseRequest, parsed: ParsedWork) -> None:
        """Store a work, unless another source of this run has brought it already."""
        source, details = request.source, parsed.outline.details
        key = (details.title, details.edition)
        self._processed += parsed.record_count
        if earlier := self._brought_by.get(key):
            name = f"《{details.title}》{details.edition}"
            reason = f"{name}已由 {earlier} 载入；一部书请放在一个文件里，或用版本（edition）区别。"
            self._is_whole = False
            self._fail(source, reason)
            return
        try:
            work = self._store(request, parsed)
        except CorpusFileRefused as refused:
            self._is_whole = False
            self._fail(source, refused.message)
            return
        self._brought_by[key] = source.name
        self._hashes.append(parsed.content_hash)
        self.result.works.append(work)
        self._listener.loaded(source, work)
        self._listener.progressed(Stage.LOADING, self._processed, self._records)

    def _store(self, request: ParseRequest, parsed: ParsedWork) -> LoadedWork:
        details = parsed.outline.details
        if self._dry_run:
            return LoadedWork(details.title, details.edition, len(parsed.outline.passages), Changes())
        work = services.store_work(
            outline=parsed.outline,
            content_hash=parsed.content_hash,
            origin=request.source.name[:255],
            may_replace_another_text=not _is_named_by_its_file(request, details),
        )
        # With DEBUG on, Django keeps the last 9 000 statements with their parameters.
        reset_queries()
        self.added_count += work.changes.added
        self._unindexed += work.changes.added
        return work

    def _index(self) -> None:
        """Index what fills segments, while no work is in memory."""
        if self._unindexed >= SEGMENT_LIMIT:
            services.index_full_segments()
            self._unindexed = 0

    def _fail(self, source: Source, reason: str) -> None:
        self.result.failed.append((source, reason))
        file = readable_name(source.files[0]) if len(source.files) == 1 else source.name
        self._listener.refused(source, Refusal(file, 0, reason))

    def _end(self, source: Source, end: SourceEnd) -> None:
        """Remember a source that was loaded whole, so that a resumed run can pass it over."""
        if isinstance(end, SourceFailed):
            self._fail(source, end.message)
        elif isinstance(end, SourceSkipped):
            self._skip(source, self._known[end.fingerprint])
        elif self._is_whole and not self._dry_run:
            self._remember(source, end.fingerprint)
        self._listener.ended(source)
        self._begin_source()

    def _remember(self, source: Source, fingerprint: str) -> None:
        row = IngestedSource(
            fingerprint=fingerprint,
            name=source.name[:1000],
            content_hashes=self._hashes,
            refused_count=self._refused_in_source,
            finished_at=timezone.now(),
        )
        columns = ("name", "content_hashes", "refused_count", "finished_at")
        IngestedSource.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["fingerprint"], update_fields=columns
        )

    def _skip(self, source: Source, known: IngestedSource) -> None:
        """Pass a source over; its works are its own in this run, too."""
        works = Work.objects.filter(content_hash__in=known.content_hashes)
        keys = list(works.values_list("title", "edition"))
        if len(keys) < len(set(known.content_hashes)):
            self._fail(
                source,
                "其中有典籍已由这次的另一个来源载入；一部书请放在一个文件里，或用版本（edition）区别。",
            )
            return
        self._brought_by |= dict.fromkeys(keys, source.name)
        self.result.skipped.append(known)


def _is_named_by_its_file(request: ParseRequest, details: WorkDetails) -> bool:
    """Tell whether nothing but the name of its file says which work this is."""
    is_named = request.work_title or request.edition or len(request.source.files) > 1
    return not is_named and details == WorkDetails(title_of(request.source.name))
