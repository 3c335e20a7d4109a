"""The use cases of the starter corpus: load the texts that come with the program, make their vectors anew."""

from pathlib import Path

import numpy as np
from django.db import transaction

from knowledge import embeddings
from knowledge.errors import CorpusFileRefused
from knowledge.formats import discover
from knowledge.ingestion.parsing import Parsed, ParsedWork, ParseRequest, RecordsRefused, SourceFailed, parse
from knowledge.locks import Lock, wait_for
from knowledge.models import StarterWork, Work
from knowledge.outlining.outline import WorkOutline, hash_text
from knowledge.progress import Progress, Stage, ignore_progress
from knowledge.services import LoadedWork, index_corpus, replace_text
from knowledge.vectors import starter_vectors, storing

STARTER_FOLDER = Path(__file__).resolve().parent
STARTER_ORIGIN = "starter/"
EMBEDDING_BATCH = 256


def load_starter(*, folder: Path = STARTER_FOLDER, restore: bool = False) -> list[LoadedWork]:
    """Load the texts that come with the program, each title once; what is there of them follows the program.

    A work that an operator has brought is left alone, and one that he has removed or replaced stays away: with
    ``restore`` it comes back where he has none of that title.
    """
    loaded = []
    for name, outline in outline_starter(folder):
        with transaction.atomic(durable=True):
            wait_for(Lock.CORPUS)
            if work := _claim_for_starter(outline, restore=restore):
                origin = f"{STARTER_ORIGIN}{name}"
                loaded.append(replace_text(work, outline, content_hash=outline.content_hash, origin=origin))
    index_corpus()
    return loaded


def _claim_for_starter(outline: WorkOutline, *, restore: bool) -> Work | None:
    """Return the work that the outline is to become: the starter's own of that title, whatever its edition."""
    title, edition = outline.details.title, outline.details.edition
    known = StarterWork.objects.select_related("work").filter(title=title).first()
    if known and known.work:
        namesakes = Work.objects.filter(title=title, edition=edition).exclude(pk=known.work.pk)
        return None if namesakes.exists() else known.work
    if (known and not restore) or Work.objects.filter(title=title).exists():
        return None
    work = Work.objects.create(title=title, edition=edition)
    StarterWork.objects.update_or_create(title=title, defaults={"work": work})
    return work


def outline_starter(folder: Path = STARTER_FOLDER) -> list[tuple[str, WorkOutline]]:
    """Read the texts that come with the program, each with its file's name; none of them may be unfit."""
    return [(path.name, outline) for path in sorted(folder.glob("*.md")) for outline in _read_whole(path)]


def _read_whole(path: Path) -> list[WorkOutline]:
    """Outline the works of a file of which nothing may be refused."""
    parsed: list[Parsed] = []
    parse(ParseRequest(discover([path])[0]), parsed.append)
    for item in parsed:
        if isinstance(item, RecordsRefused):
            raise CorpusFileRefused(f"{path.name} 第 {item.refusals[0].line} 行：{item.refusals[0].reason}")
        if isinstance(item, SourceFailed):
            raise CorpusFileRefused(f"{path.name}：{item.message}")
    return [item.outline for item in parsed if isinstance(item, ParsedWork)]


def embed_starter(*, on_progress: Progress = ignore_progress) -> int:
    """Make the vectors that come with the program anew, for developers; return how many they are.

    Needs no database: what has its vector already keeps it.
    """
    model = embeddings.current_model()
    texts = {
        hash_text(text): text
        for _name, outline in outline_starter()
        for text in storing.outline_inputs(outline)
    }
    known = starter_vectors.load_starter_vectors(model)
    made = {key: known[key] for key in texts if key in known}
    missing = [key for key in texts if key not in made]
    for start in range(0, len(missing), EMBEDDING_BATCH):
        keys = missing[start : start + EMBEDDING_BATCH]
        found = embeddings.get_embedder().embed_passages([texts[key] for key in keys])
        made |= dict(zip(keys, found.astype(np.float16), strict=True))
        on_progress(Stage.EMBEDDING, start + len(keys), len(missing))
    starter_vectors.save_starter_vectors(made, model=model)
    return len(missing)
