"""Fills in vectors, lets the search go over to another model, removes old vectors: ``manage.py embed_corpus``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from guoxue.errors import ApplicationError
from knowledge import embeddings
from knowledge.errors import EmbeddingUnavailable
from knowledge.management.bars import stage_bars
from knowledge.vectors import filling


class Command(BaseCommand):
    help = (
        "为还没有向量的段落生成向量；可随时中断，再次运行时接着做。"
        "换了向量模型时，检索照旧使用原来的模型，新模型的向量补全、建好索引后自动切换。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--work", action="append", default=[], metavar="书名", help="只处理这部书；可多次给出"
        )
        parser.add_argument("--model", metavar="模型", help="只处理这个模型；默认处理所有在用的模型")
        parser.add_argument(
            "--switch",
            action="store_true",
            help="即使还有段落没有向量，也让检索立即改用设置里的模型",
        )
        parser.add_argument(
            "--prune",
            nargs="?",
            const="",
            metavar="模型",
            help="不生成向量，而是删除不再使用的模型（或这一个模型）的向量",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["switch"] and options["model"] not in (None, embeddings.current_model()):
            raise CommandError("检索只能改用设置里的模型；要换回别的模型，请先修改 EMBEDDING_* 各项。")
        try:
            if options["prune"] is not None:
                self._prune(options["prune"] or None)
            else:
                self._fill(options["model"], options["work"], switch=options["switch"])
        except EmbeddingUnavailable as unavailable:
            raise CommandError(f"向量没有生成：{unavailable.message}") from unavailable
        except ApplicationError as refused:
            raise CommandError(refused.message) from refused

    def _fill(self, model: str | None, work_titles: list[str], *, switch: bool) -> None:
        with stage_bars() as report:
            stored = filling.embed_missing(model=model, work_titles=work_titles, on_progress=report)
        self.stdout.write(f"已生成 {stored} 条向量。")
        if work_titles:
            return
        if switch:
            filling.switch_model(model=embeddings.current_model(), even_if_incomplete=True)
        for done in [filling.complete_model(model, may_serve=False)] if model else filling.complete_models():
            self.stdout.write(_describe(done))

    def _prune(self, model: str | None) -> None:
        removed = filling.prune_models(only=model)
        for name, count in removed.items():
            self.stdout.write(f"{name}：已删除 {count} 条向量。")
        if not removed:
            self.stdout.write("没有可以删除的向量。")


def _describe(done: filling.Completed) -> str:
    state = "检索正在使用" if done.serves else "检索尚未使用"
    missing = f"还缺 {done.missing} 条" if done.missing else "已补全"
    index = "已建索引" if done.indexed else "逐条比较，不需索引"
    return f"{done.model}：{missing}，{index}，{'检索已改用此模型' if done.switched else state}。"
