"""A file goes out of a real web process piece by piece, to whoever holds the link, however large it is."""

import hashlib
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from accounts.tokens import issue_tokens
from chat.exporting import places
from chat.exporting.links import sign
from chat.models import Export
from chat.tests.served import Served

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = 64_000_000
PIECE = bytes(range(256)) * 250


@pytest.fixture(scope="module")
def _server(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Served]:
    with django_db_blocker.unblock():
        server = Served(EXPORT_DIR=str(tmp_path_factory.mktemp("exports")))
    yield server
    server.stop()


@pytest.fixture
def large(reader, settings, served: Served) -> Export:
    settings.EXPORT_DIR = Path(served.environment["EXPORT_DIR"])
    export = Export.objects.create(
        owner=reader,
        **{"format": "json", "total": 1, "processed": 1, "status": "done", "size_bytes": SIZE},
        expires_at=timezone.now() + timedelta(hours=1),
    )
    places.prepare(export)
    with places.file_of(export).open("wb") as file:
        for _ in range(SIZE // len(PIECE)):
            file.write(PIECE)
    return export


def most_memory(process_id: int) -> int:
    """The largest memory that a process has had so far, in bytes."""
    status = Path(f"/proc/{process_id}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found.group(1)) * 1000


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc"
)


@pytest.fixture
def before(served: Served, reader) -> int:
    """The most memory that the process has had once it has loaded what its search needs and answered for a file."""
    assert served.process is not None
    # The process warms up while it answers already; a search waits for the same model.
    search = urllib.request.Request(f"{served.url}/api/v1/search?{urlencode({'q': '学而'})}")
    search.add_header("Authorization", f"Bearer {issue_tokens(reader).access}")
    urllib.request.urlopen(search).read()
    missing = Export(id="00000000-0000-0000-0000-000000000000")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(link_to(served, missing))
    return most_memory(served.process.pid)


def link_to(served: Served, export: Export) -> str:
    return f"{served.url}/api/v1/exports/{export.id}/file?signature={sign(export)}"


@needs_proc
def test_a_large_file_goes_out_without_filling_the_memory(served: Served, before, large: Export) -> None:
    digest = hashlib.sha256()

    with urllib.request.urlopen(link_to(served, large)) as answer:
        length = int(answer.headers["Content-Length"])
        while piece := answer.read(1_000_000):
            digest.update(piece)

    assert length == SIZE
    assert digest.hexdigest() == hashlib.sha256(PIECE * (SIZE // len(PIECE))).hexdigest()
    assert most_memory(served.process.pid) - before < SIZE / 4


@needs_proc
def test_a_client_that_does_not_read_fills_no_memory_either(served: Served, before, large: Export) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        address = link_to(served, large).removeprefix(served.url)
        client.sendall(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert client.recv(15) == b"HTTP/1.1 200 OK"
        time.sleep(3)

    assert most_memory(served.process.pid) - before < SIZE / 4
