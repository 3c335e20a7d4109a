"""The use case of an evaluation: ask the queries, keep the figures with all that they depend on, compare."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from knowledge.errors import QueryFileRefused
from knowledge.evaluation import query_sets, scoring
from knowledge.evaluation.query_sets import Query, SkippedQuery
from knowledge.evaluation.scoring import Figures, Outcome
from knowledge.models import Embedding, EvaluationRun, Passage, Work
from knowledge.vectors.serving import serving_model

STARTER_QUERIES = Path(__file__).resolve().parents[1] / "starter" / "queries.jsonl"
MAX_KEPT_SKIPS = 200
_GIT_TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Selection:
    """Which of a file's queries are asked: some kinds, some of each; by default all of them."""

    kinds: tuple[str, ...] = ()
    limit: int | None = None

    def __str__(self) -> str:
        kinds = f"类别 {'、'.join(self.kinds)}" if self.kinds else ""
        return "，".join(filter(None, (kinds, f"每类 {self.limit} 题" if self.limit else "")))


@dataclass(frozen=True)
class Evaluation:
    """A stored run with what it found for every query."""

    run: EvaluationRun
    outcomes: list[Outcome]
    skipped: list[SkippedQuery]


def run_evaluation(
    *,
    query_files: Sequence[Path] = (STARTER_QUERIES,),
    passages_file: Path | None = None,
    selection: Selection = Selection(),
    mode: str = EvaluationRun.Mode.HYBRID,
    label: str = "",
    started_by: User | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Ask the queries and store the figures; no transaction is open while the search works.

    Raises ``QueryFileRefused`` when a file cannot be used, or when the corpus answers none of its queries.
    """
    started_at, started = timezone.now(), perf_counter()
    queries = [query for path in query_files for query in query_sets.read_queries(path)]
    queries = query_sets.select_queries(queries, kinds=selection.kinds, limit=selection.limit)
    judged = query_sets.judge_queries(queries, passages=passages_file)
    if not judged.judged:
        raise QueryFileRefused(
            f"{len(judged.skipped)} 道题的标准答案都不在语料里；请先导入对应的典籍。"
            f"例如 {judged.skipped[0].id}：{judged.skipped[0].reason}"
        )
    outcomes = scoring.measure(judged.judged, mode=mode, on_progress=on_progress)
    run = EvaluationRun(
        label=label,
        mode=mode,
        query_file="、".join(path.name for path in query_files),
        queries_hash=_hash_queries(queries),
        selection=str(selection),
        figures=[asdict(figures) for figures in scoring.summarise(outcomes)],
        skipped_count=len(judged.skipped),
        skipped=[asdict(skip) for skip in judged.skipped[:MAX_KEPT_SKIPS]],
        started_by=started_by,
        started_at=started_at,
        duration_ms=round((perf_counter() - started) * 1000),
    )
    _describe_corpus(run)
    if mode == EvaluationRun.Mode.HYBRID:
        run.without_vectors = sum(not outcome.used_vectors for outcome in outcomes)
    with transaction.atomic(durable=True):
        run.save()
    return Evaluation(run, outcomes, judged.skipped)


def figures_of(run: EvaluationRun) -> list[Figures]:
    """Return the figures of a stored run, those of all queries last."""
    return [Figures(**row) for row in run.figures]


def previous_run(run: EvaluationRun) -> EvaluationRun | None:
    """Return the last run before this one that asked the same queries in the same mode."""
    return EvaluationRun.objects.comparable_to(run).first()


def _describe_corpus(run: EvaluationRun) -> None:
    """Note what the figures depend on beside the queries: the texts, their vectors, the code."""
    digest = hashlib.sha256()
    for row in Work.objects.order_by("title", "edition").values_list("title", "edition", "content_hash"):
        digest.update(repr(row).encode())
    run.corpus_hash = digest.hexdigest()
    run.passage_count = Passage.objects.count()
    run.code_version = _code_version()
    if run.mode == EvaluationRun.Mode.HYBRID:
        run.embedding_model = serving_model()
        run.vector_count = Embedding.objects.filter(model=run.embedding_model).count()


def _hash_queries(queries: Sequence[Query]) -> str:
    return hashlib.sha256(repr(queries).encode()).hexdigest()


def _code_version() -> str:
    """Return the commit that is running, marked when files were changed since; "" outside a repository."""
    git = shutil.which("git")
    if git is None:
        return ""
    command = [git, "-C", str(settings.BASE_DIR), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_SECONDS, check=True
        )
    except subprocess.SubprocessError:
        return ""
    return asked.stdout.strip()
