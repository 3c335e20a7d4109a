"""The tables of the corpus, one file for each thing that they hold."""

from knowledge.models.bookmarks import Bookmark, BookmarkQuerySet
from knowledge.models.corpus import Category, Passage, PassageQuerySet, Place, Section, Work, WorkQuerySet
from knowledge.models.evaluation import EvaluationRun, EvaluationRunQuerySet
from knowledge.models.index import IndexSegment, PostingBlock
from knowledge.models.ingestion import IngestedSource, IngestionJob, StarterWork
from knowledge.models.vectors import Embedding, EmbeddingModel

__all__ = [
    "Bookmark",
    "BookmarkQuerySet",
    "Category",
    "Embedding",
    "EmbeddingModel",
    "EvaluationRun",
    "EvaluationRunQuerySet",
    "IndexSegment",
    "IngestedSource",
    "IngestionJob",
    "Passage",
    "PassageQuerySet",
    "Place",
    "PostingBlock",
    "Section",
    "StarterWork",
    "Work",
    "WorkQuerySet",
]
