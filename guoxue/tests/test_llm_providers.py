from collections.abc import Iterator

import pytest

from guoxue import llm
from guoxue.llm.attempts import Attempts
from guoxue.llm.providers import candidates_for
from guoxue.tests.scripted_model import Pause, Refuse, Say, ScriptedModel, Stall, Usage, spoken
from guoxue.tests.test_llm import stream
from guoxue.tests.test_settings import SECRET, load_settings

DEEPSEEK = {"base_url": "https://deepseek.test", "api_key": "d", "models": {"deepseek-chat": "deepseek-chat"}}
SILICON = {
    "base_url": "https://silicon.test",
    "api_key": "s",
    "models": {"deepseek-chat": "deepseek-ai/DeepSeek-V3", "qwen-plus": "Qwen/Plus"},
}


@pytest.fixture
def two(settings) -> Iterator[tuple[ScriptedModel, ScriptedModel]]:
    """Two providers of the same model, which the second calls by another name; the second has one more."""
    first, second = ScriptedModel(), ScriptedModel()
    settings.LLM_API_KEY, settings.LLM_FALLBACKS = "", []
    settings.LLM_PROVIDERS = {
        "deepseek": {**DEEPSEEK, "base_url": first.base_url},
        "silicon": {**SILICON, "base_url": second.base_url},
    }
    yield first, second
    first.close()
    second.close()


def served(model: str) -> list[tuple[str, str, str]]:
    return [(c.provider.name, c.model, c.upstream_model) for c in candidates_for(model)]


def test_without_a_key_the_offline_model_answers(settings):
    settings.LLM_API_KEY, settings.LLM_PROVIDERS = "", {}
    assert (llm.default_model(), llm.provider_of(settings.LLM_MODEL)) == ("offline", None)
    settings.LLM_API_KEY = "key"
    assert llm.default_model() == settings.LLM_MODEL


def test_a_single_provider_is_asked_for_any_model_but_the_offline_one(settings):
    settings.LLM_API_KEY, settings.LLM_BASE_URL, settings.LLM_PROVIDERS = "key", "https://x.test", {}

    assert llm.provider_of("whatever") == llm.Provider("default", "https://x.test", "key")
    assert llm.provider_of(llm.OFFLINE_MODEL) is None
    assert "key" not in repr(llm.provider_of("whatever"))


def test_several_providers_answer_for_the_models_they_name(settings):
    settings.LLM_API_KEY, settings.LLM_FALLBACKS = "", []
    settings.LLM_PROVIDERS = {"deepseek": DEEPSEEK, "silicon": SILICON}

    assert served("deepseek-chat") == [
        ("deepseek", "deepseek-chat", "deepseek-chat"),
        ("silicon", "deepseek-chat", "deepseek-ai/DeepSeek-V3"),
    ]
    assert served("qwen-plus") == [("silicon", "qwen-plus", "Qwen/Plus")]
    assert served("glm-4") == [] and llm.provider_of("glm-4") is None


def test_fallbacks_follow_the_providers_of_the_model(settings):
    settings.LLM_API_KEY, settings.LLM_FALLBACKS = "key", ["qwen-plus", "deepseek-chat"]
    settings.LLM_MODEL, settings.LLM_PROVIDERS = "glm-4", {"silicon": SILICON}

    assert served("glm-4") == [
        ("default", "glm-4", "glm-4"),
        ("silicon", "qwen-plus", "Qwen/Plus"),
        ("silicon", "deepseek-chat", "deepseek-ai/DeepSeek-V3"),
    ]
    assert llm.provider_of("gone") is None


def test_a_model_that_nobody_offers_is_rejected(two):
    with pytest.raises(llm.ModelRejected):
        stream("glm-4")


def test_providers_come_from_the_environment():
    environment = {
        "LLM_PROVIDERS": "deepseek,qwen",
        "LLM_DEEPSEEK_BASE_URL": "https://d.test",
        "LLM_DEEPSEEK_MODELS": "deepseek-chat,v3=deepseek-ai/DeepSeek-V3",
        "LLM_QWEN_BASE_URL": "https://q.test",
        "LLM_QWEN_API_KEY": "secret",
        "LLM_QWEN_MODELS": "qwen-plus",
        "LLM_MODEL": "",
    }
    code = "from guoxue.settings import LLM_PROVIDERS, LLM_MODEL; print(LLM_PROVIDERS, LLM_MODEL)"

    result = load_settings(code=code, DEBUG="true", SECRET_KEY=SECRET, **environment)

    assert result.returncode == 0, result.stderr
    deepseek = {
        "base_url": "https://d.test",
        "api_key": "",
        "models": {"deepseek-chat": "deepseek-chat", "v3": "deepseek-ai/DeepSeek-V3"},
    }
    qwen = {"base_url": "https://q.test", "api_key": "secret", "models": {"qwen-plus": "qwen-plus"}}
    assert result.stdout.strip() == f"{ {'deepseek': deepseek, 'qwen': qwen} } deepseek-chat"


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"LLM_PROVIDERS": "Qwen-CN"}, "LLM_PROVIDERS"),
        ({"LLM_PROVIDERS": "qwen"}, "Set LLM_QWEN_BASE_URL and LLM_QWEN_MODELS"),
        (
            {"LLM_PROVIDERS": "q", "LLM_Q_BASE_URL": "http://q", "LLM_Q_MODELS": "a", "LLM_MODEL": "b"},
            "LLM_MODEL",
        ),
    ],
)
def test_half_a_configuration_is_refused_at_the_start(environment, complaint):
    result = load_settings(DEBUG="true", SECRET_KEY=SECRET, **environment)

    assert result.returncode != 0
    assert f"ImproperlyConfigured: {complaint}" in result.stderr


@pytest.mark.parametrize("fault", [Refuse(500), Refuse(429, {"Retry-After": "9"}), Refuse(401), Refuse(402)])
def test_the_second_provider_steps_in_at_once(two, fault):
    first, second = two
    first.script, second.script = [fault], [Say("学"), Usage(100, 5)]

    events = stream()

    assert events == [llm.TextDelta("学"), llm.StreamEnd("stop", llm.Usage(100, 5), "deepseek-chat")]
    assert [request["model"] for request in second.requests] == ["deepseek-ai/DeepSeek-V3"]
    assert len(first.requests) == 1


@pytest.mark.parametrize("hang", [[Stall(4)], [Pause(4), *spoken("迟")]])
def test_the_second_provider_has_its_own_patience_when_the_first_hangs(two, settings, hang):
    first, second = two
    settings.LLM_FIRST_TOKEN_TIMEOUT_SECONDS = 1.5
    first.script, second.script = hang, [Pause(0.3), *spoken("学")]

    assert stream()[0] == llm.TextDelta("学")


def test_a_fallback_model_says_that_it_answered(two, settings):
    first, second = two
    settings.LLM_FALLBACKS = ["qwen-plus"]
    first.script, second.script = [Refuse(503)], spoken("学")
    second.queue = [[Refuse(503)]]

    assert stream()[-1].model == "qwen-plus"
    assert [request["model"] for request in second.requests] == ["deepseek-ai/DeepSeek-V3", "Qwen/Plus"]


def test_what_one_provider_forbids_no_other_is_asked(two):
    first, second = two
    first.script = [Refuse(400)]

    with pytest.raises(llm.ModelRejected):
        stream()

    assert second.requests == []


def test_nobody_is_asked_after_the_first_token(two):
    first, second = two
    first.script = [Say("学")]

    with pytest.raises(llm.ModelUnavailable):
        stream()

    assert second.requests == []


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_attempts_go_round_twice_and_end_within_the_patience(settings):
    settings.LLM_API_KEY, settings.LLM_FALLBACKS = "", []
    settings.LLM_PROVIDERS = {"deepseek": DEEPSEEK, "silicon": SILICON}
    first, second = candidates_for("deepseek-chat")
    clock = Clock()
    attempts = Attempts((first, second), patience_seconds=20, clock=clock)

    assert attempts.next() == (first, 0, 20)
    attempts.note(first, llm.ModelBusy(retry_after_seconds=7))
    clock.now = 3
    assert attempts.next() == (second, 3, 23)
    attempts.note(second, llm.ModelRejected())
    assert attempts.next() == (first, 7, 27)
    clock.now = 27
    attempts.note(first, llm.ModelTimeout())
    with pytest.raises(llm.ModelTimeout):
        attempts.next()
