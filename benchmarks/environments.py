"""Decides where the packages of the peers live: one virtual environment each, made by the first run that needs it."""

import subprocess
import venv
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / "var" / "bench"


def peer_python(name: str, requirements: Path) -> Path:
    """Return the Python of a peer's own environment; it is made again when its requirements have changed."""
    folder = CACHE / f"{name}-venv"
    python = folder / "bin" / "python"
    done = folder / "done"
    wanted = requirements.read_text(encoding="utf-8")
    if not done.is_file() or done.read_text(encoding="utf-8") != wanted:
        print(f"Installing {name} into an environment of its own …", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)], check=True)
        done.write_text(wanted, encoding="utf-8")
    return python
