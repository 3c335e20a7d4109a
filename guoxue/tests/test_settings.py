import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "a-secret-of-more-than-thirty-two-characters"


def load_settings(
    *, code: str = "from guoxue.settings import DEBUG; print(DEBUG)", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own, with the values of a copied ``.env.example`` where none are given."""
    servers = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "-c", code]
    everything = {**example_values(), **servers, **environment}
    return subprocess.run(command, cwd=ROOT, env=everything, capture_output=True, text=True, timeout=60)


def example_values() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def example_defaults() -> dict[str, str]:
    """The settings that stand in the example as comments, with their defaults."""
    return dict(re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_the_example_names_every_setting():
    read = re.findall(r'(?:_text|env\.\w+)\(\s*"([A-Z_]+)"', (ROOT / "guoxue/settings.py").read_text())

    assert set(read) - set(example_values()) - set(example_defaults()) == set()


def test_the_example_tells_the_defaults():
    told = {name: float(value) for name, value in example_defaults().items() if value.isdecimal()}
    printed = f"{{name: getattr(settings, name, None) for name in {sorted(told)}}}"
    code = f"import json\nfrom guoxue import settings\nprint(json.dumps({printed}))"

    result = load_settings(DEBUG="true", SECRET_KEY=SECRET, code=code)

    defaults = {name: value for name, value in json.loads(result.stdout).items() if value is not None}
    assert defaults == {name: told[name] for name in defaults}
    assert "LLM_TOTAL_TIMEOUT_SECONDS" in defaults


def test_a_copied_example_leaves_a_development_system_running():
    result = load_settings(DEBUG="true", SECRET_KEY=SECRET)

    assert (result.returncode, result.stdout.strip()) == (0, "True"), result.stderr
    assert example_values()["DEBUG"] == ""


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"DEBUG": "false"}, "SECRET_KEY"),
        ({"DEBUG": "", "SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"DEBUG": "", "SECRET_KEY": SECRET}, "TRIAL_HMAC_KEY"),
        ({"DEBUG": "true", "SECRET_KEY": SECRET, "WECHAT_APP_ID": "wx1"}, "WECHAT_APP_SECRET"),
    ],
)
def test_production_refuses_to_start_without_its_secrets(environment, missing):
    result = load_settings(**environment)

    assert result.returncode != 0
    assert f"ImproperlyConfigured: {missing} must be set" in result.stderr


def test_production_starts_with_its_secrets():
    result = load_settings(DEBUG="", SECRET_KEY=SECRET, TRIAL_HMAC_KEY="kept")

    assert (result.returncode, result.stdout.strip()) == (0, "False"), result.stderr
