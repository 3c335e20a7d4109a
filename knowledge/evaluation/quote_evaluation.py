"""Decides how well quotations are checked: verdicts and places against a file of labelled replies, and the time taken.

Each case is a reply with one quotation in question. ``label`` says what it is: true (also in other scripts, without
punctuation, over several passages, with an ellipsis, or from the wrong book), altered, invented, or a distractor:
a reply that quotes nothing from the classics.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import get_args

from knowledge.errors import QueryFileRefused
from knowledge.evaluation.scoring import percentile
from knowledge.folding import fold, fold_characters, is_cjk
from knowledge.quotations.attribution import Attribution
from knowledge.quotations.reporting import Verdict
from knowledge.quotes import QuoteCheck, check_quotes

STARTER_CASES = Path(__file__).resolve().parents[1] / "starter" / "quotes.jsonl"
ALTERED = "altered"
FORGED = frozenset((ALTERED, "invented"))
DISTRACTOR = "distractor"
_SEVERITY = {"exact": 0, "near": 1, "not_found": 2}


@dataclass(frozen=True)
class Case:
    """A labelled reply; ``quote`` is the quotation in question, "" in a distractor."""

    number: int
    label: str
    reply: str
    quote: str = ""
    verdict: Verdict | None = None
    attribution: Attribution | None = None


@dataclass(frozen=True)
class CaseOutcome:
    """What the check said of a case: the severest verdict on its quotation, None if there was none.

    ``alarms`` is how many other stretches of the reply were called near or not found.
    """

    case: Case
    verdict: Verdict | None
    attribution: Attribution | None
    alarms: int
    elapsed_ms: float

    @property
    def is_right(self) -> bool:
        """Tell whether the verdict is the expected one; a distractor expects no alarm."""
        return self.verdict == self.case.verdict if self.case.quote else not self.alarms


@dataclass(frozen=True)
class LabelFigures:
    """The counts for one label; ``forged_exact`` are altered or invented quotations that were called exact."""

    label: str
    cases: int
    right: int
    forged_exact: int
    placed: int
    alarms: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Bar:
    """A demand on the outcomes: the share of the cases it concerns that satisfy it."""

    name: str
    share: float
    least: float

    @property
    def is_met(self) -> bool:
        """Tell whether the share is high enough."""
        return self.share >= self.least


def read_cases(path: Path) -> list[Case]:
    """Read a file with one case in each line, as JSON. Raises ``QueryFileRefused`` with the unfit line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QueryFileRefused(f"标注文件 {path} 无法读取，请确认路径，并存为 UTF-8。") from error
    cases = [_case(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not cases:
        raise QueryFileRefused(f"标注文件 {path} 里没有题目。")
    return cases


def run_cases(
    cases: Sequence[Case], *, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> list[CaseOutcome]:
    """Check every reply once, after a first check that loads what has to be loaded."""
    check_quotes(cases[0].reply)
    outcomes: list[CaseOutcome] = []
    for case in cases:
        started = perf_counter()
        checks = check_quotes(case.reply)
        outcomes.append(_judge(case, checks, (perf_counter() - started) * 1000))
        on_progress(len(outcomes), len(cases))
    return outcomes


def summarise(outcomes: Sequence[CaseOutcome]) -> list[LabelFigures]:
    """Return the figures of each label, in the order in which the labels appear, and last those of all ("")."""
    labels = list(dict.fromkeys(outcome.case.label for outcome in outcomes))
    groups = {label: [each for each in outcomes if each.case.label == label] for label in labels}
    return [_figures(label, members) for label, members in {**groups, "": list(outcomes)}.items()]


def measure_bars(outcomes: Sequence[CaseOutcome]) -> list[Bar]:
    """Return what is demanded of the outcomes; a demand that concerns none of the cases is met."""
    forged = [outcome for outcome in outcomes if outcome.case.label in FORGED]
    true = [outcome for outcome in outcomes if outcome.case.verdict == "exact"]
    altered = [outcome for outcome in outcomes if outcome.case.label == ALTERED]
    distractors = [outcome for outcome in outcomes if outcome.case.label == DISTRACTOR]
    return [
        Bar("改动或编造的引文不判为原文", _share([each.verdict != "exact" for each in forged]), 1.0),
        Bar("真引文判为原文", _share([each.is_right for each in true]), 0.99),
        Bar("改动一至三字的判为近似", _share([each.verdict == "near" for each in altered]), 0.97),
        Bar("没有引文的回复不误报", _share([each.is_right for each in distractors]), 0.95),
    ]


def _case(line: str, path: Path, number: int) -> Case:
    place = f"标注文件 {path.name} 第 {number} 行"
    try:
        case = Case(number, **json.loads(line))
    except (ValueError, TypeError) as error:
        raise QueryFileRefused(
            f"{place}应为含 label、reply、quote、verdict、attribution 的 JSON。"
        ) from error
    if case.quote and _find(case) is None:
        raise QueryFileRefused(f"{place}的 quote 不在 reply 里。")
    if case.quote and (case.verdict not in _SEVERITY or case.attribution not in get_args(Attribution)):
        raise QueryFileRefused(f"{place}的 verdict 或 attribution 不认识。")
    return case


def _find(case: Case) -> tuple[int, int] | None:
    """Return where in the reply the quotation begins and ends, whatever stands between its ideographs."""
    positions = [place for place, character in enumerate(fold_characters(case.reply)) if is_cjk(character)]
    wanted = fold(case.quote)
    start = fold(case.reply).find(wanted)
    return (positions[start], positions[start + len(wanted) - 1] + 1) if start >= 0 and wanted else None


def _judge(case: Case, checks: Sequence[QuoteCheck], elapsed_ms: float) -> CaseOutcome:
    start, end = _find(case) or (0, 0)
    concerned = [check for check in checks if check.start < end and start < check.end]
    others = [check for check in checks if check not in concerned]
    severest = max(concerned, key=lambda check: _SEVERITY[check.verdict], default=None)
    places = {check.attribution for check in concerned}
    return CaseOutcome(
        case=case,
        verdict=severest.verdict if severest else None,
        attribution=next((place for place in ("wrong", "right", "unknown") if place in places), None),
        alarms=sum(check.verdict != "exact" for check in others),
        elapsed_ms=elapsed_ms,
    )


def _figures(label: str, outcomes: Sequence[CaseOutcome]) -> LabelFigures:
    times = [outcome.elapsed_ms for outcome in outcomes]
    return LabelFigures(
        label=label,
        cases=len(outcomes),
        right=sum(outcome.is_right for outcome in outcomes),
        forged_exact=sum(outcome.case.label in FORGED and outcome.verdict == "exact" for outcome in outcomes),
        placed=sum(outcome.attribution == outcome.case.attribution for outcome in outcomes),
        alarms=sum(outcome.alarms for outcome in outcomes),
        p50_ms=percentile(times, 0.5),
        p95_ms=percentile(times, 0.95),
    )


def _share(satisfied: Sequence[bool]) -> float:
    return sum(satisfied) / len(satisfied) if satisfied else 1.0


def find_misses(outcomes: Sequence[CaseOutcome]) -> Iterator[CaseOutcome]:
    """Yield the outcomes whose verdict or place is not the expected one, or that raise a false alarm."""
    for outcome in outcomes:
        is_placed = not outcome.case.quote or outcome.attribution == outcome.case.attribution
        if not outcome.is_right or not is_placed or outcome.alarms:
            yield outcome
