"""Decides whether readers find their own words quickly in a table of a million messages, however many are theirs.

``python -m benchmarks.own_search [--messages N] [--rounds N] [--keep]``
"""

import random
import statistics
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.database import drop_database, open_database, read_note, write_note
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows, print_table, seconds_of

_DATABASE = "guoxue_bench_own_search"
_OTHERS = 3000
_TEXTS = 20_000
_PAGE = 21
_BAR_MS = 100.0
_COMMON = "学而"
# One in five messages is that of one reader, one in five hundred that of another; the rest belongs to everybody else.
_FILL = """
    WITH places AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM chat_session WHERE title = 'other')
    INSERT INTO chat_message (id, session_id, author, status, text, folded, html, model, reasoning, suggestions,
        flag, sources, quotes, prompt_tokens, input_tokens, cached_input_tokens, output_tokens, usage_estimated,
        cost_micros, error_code, error_message, created_at)
    SELECT gen_random_uuid(), coalesce(
            CASE WHEN n %% 5 = 0 THEN %(many)s::uuid WHEN n %% 500 = 7 THEN %(some)s::uuid END, places.id
        ), 'reader', 'completed', said.text, said.text || chr(30000 + n %% 3989) || chr(35000 + n %% 3967),
        '', '', '', '[]', '', '[]', '[]', 0, 0, 0, 0, false, 0, '', '', now() - n * interval '1 minute'
    FROM generate_series(1, %(messages)s) AS n
    JOIN texts AS said ON said.place = (n::bigint * 7919) %% %(texts)s
    JOIN places ON places.place = n %% %(others)s
"""


def main() -> int:
    """Fill the table, ask, print the rows; return 1 if a bar is missed."""
    parser = argument_parser(__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="each question is asked so often")
    parser.add_argument("--keep", action="store_true", help="keep the table for the next run")
    options = parser.parse_args()
    open_database(_DATABASE)
    try:
        if read_note() != str(options.messages):
            _fill(options.messages)
            write_note(str(options.messages))
        return _measure(options.rounds)
    finally:
        if not options.keep:
            drop_database(_DATABASE)


def _measure(rounds: int) -> int:
    from accounts.models import User
    from chat.models import Message

    print_machine()
    rows = []
    for nickname in ("many", "some", "other-17"):
        reader = User.objects.get(nickname=nickname)
        count = Message.objects.owned_by(reader).count()
        times = {
            kind: [_milliseconds(reader, words) for _ in range(rounds)]
            for kind, words in _questions(reader).items()
        }
        print(f"\na reader with {count} messages")
        print_table(
            ("asked for", "p50 ms", "worst ms"),
            [(kind, f"{statistics.median(ms):.1f}", f"{max(ms):.1f}") for kind, ms in times.items()],
        )
        slowest = max(statistics.median(ms) for ms in times.values())
        rows.append(
            Row(f"{count} own messages, slowest kind, p50 ms", None, slowest, _BAR_MS, is_ceiling=True)
        )
    return 0 if print_rows(f"search in one's own history, {Message.objects.count()} messages", rows) else 1


def _questions(reader: Any) -> dict[str, list[str]]:
    from chat.models import Message

    own = Message.objects.owned_by(reader).order_by("-created_at")
    said = own.values_list("folded", flat=True)[own.count() // 2]
    return {
        "a common word": [_COMMON],
        "a common character": [_COMMON[0]],
        "a line": [said[20:28]],
        "two words of one message": [said[5:8], said[-2:]],
        "a rare word": [said[-2:]],
        "a word nobody said": ["龘龘"],
    }


def _milliseconds(reader: Any, words: Sequence[str]) -> float:
    from chat.searching import find_messages

    return 1000 * seconds_of(lambda: list(find_messages(reader, words).order_by("-created_at")[:_PAGE]))


def _fill(messages: int) -> None:
    """Write the messages with the index left out, and build it after."""
    from django.db import connection

    from chat.models import Message

    many, some = _make_readers()
    index = next(each for each in Message._meta.indexes if each.name == "message_search")
    with connection.schema_editor() as editor:
        editor.remove_index(Message, index)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE texts (place int PRIMARY KEY, text text)")
        with cursor.copy("COPY texts (place, text) FROM STDIN") as copy:
            for place, text in enumerate(_texts()):
                copy.write_row((place, text))
        numbers = {"messages": messages, "texts": _TEXTS, "others": _OTHERS}
        written = seconds_of(lambda: cursor.execute(_FILL, {"many": many, "some": some, **numbers}))
    with connection.schema_editor() as editor:
        indexed = seconds_of(lambda: editor.add_index(Message, index))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE chat_message")
        cursor.execute("SELECT pg_relation_size('chat_message'), pg_relation_size('message_search')")
        table, size = (value / 2**20 for value in cursor.fetchone())
    print(
        f"{messages} messages written in {written:.0f} s, their search index in {indexed:.0f} s; "
        f"table {table:.0f} MB, search index {size:.0f} MB."
    )


def _make_readers() -> tuple[Any, Any]:
    """Make a session for each reader; return those of the two who said much."""
    from accounts.models import User
    from chat.models import Session
    from chat.services.sessions import available_role

    names = ["many", "some", *(f"other-{number}" for number in range(_OTHERS))]
    readers = User.objects.bulk_create([User(nickname=name) for name in names])
    role = available_role(readers[0], None)
    sessions = Session.objects.bulk_create(
        [Session(owner=reader, role=role, title=reader.nickname.partition("-")[0]) for reader in readers]
    )
    return sessions[0].id, sessions[1].id


def _texts() -> list[str]:
    """Compose texts of 40 to 400 characters, some characters common and most rare, as in a language."""
    chance = random.Random(4)

    def compose() -> str:
        length = chance.randint(40, 400)
        said = "".join(chr(19968 + int(4000 * chance.random() ** 3)) for _ in range(length))
        return said + _COMMON if chance.random() < 0.3 else said

    return [compose() for _ in range(_TEXTS)]


if __name__ == "__main__":
    sys.exit(main())
