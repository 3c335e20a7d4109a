"""Decides the configuration: everything comes from the environment (or ``.env``); production refuses weak secrets."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from guoxue import embedded

# Generic bases such as ModelAdmin[Work] exist for the type checker only; this makes them work at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def _text(name: str, default: str = "") -> str:
    """Read a text setting; one that is set to nothing, as in a copied ``.env.example``, counts as not set."""
    return env.str(name, default="") or default


DEBUG = env.bool("DEBUG", default=False)
VAR_DIR = Path(_text("VAR_DIR", str(BASE_DIR / "var")))
SECRET_KEY = _text("SECRET_KEY")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured(
        "SECRET_KEY must be set to at least 32 random characters (bin/run makes one for you)."
    )
# The loopback address is always served: health checks ask there.
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=["localhost", "[::1]"]), "127.0.0.1"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "daphne",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "channels",
    "csp",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "billing",
    "knowledge",
    "chat",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "guoxue.urls"
ASGI_APPLICATION = "guoxue.asgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database and Redis: DATABASE_URL and REDIS_URL, or the bundled servers that bin/run keeps under VAR_DIR.
_bundled = embedded.running_servers(VAR_DIR)
DATABASE_URL = _text("DATABASE_URL", _bundled.database_url if _bundled else "")
REDIS_URL = _text("REDIS_URL", _bundled.redis_url if _bundled else "")
if not DATABASE_URL or not REDIS_URL:
    raise ImproperlyConfigured(
        "Set DATABASE_URL and REDIS_URL, or start the bundled servers with bin/run first."
    )
DATABASE_POOL_SIZE = max(8, env.int("DATABASE_POOL_SIZE", default=16))
DATABASES = {
    "default": {
        **environ.Env.db_url_config(DATABASE_URL),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "pool": {
                "min_size": 1,
                "max_size": DATABASE_POOL_SIZE,
                "timeout": env.int("DATABASE_POOL_TIMEOUT_SECONDS", default=10),
            },
        },
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "guoxue",
    },
}
# redis-py's default socket timeout would close the channel layer's idle blocking reads.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "guoxue.channels"},
    },
}
CELERY_BROKER_URL = _text("CELERY_BROKER_URL", REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": "guoxue.celery:", "socket_connect_timeout": 3}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}
# With Redis 0 comes first: a reader who waits for a code by mail comes before all titles.
CELERY_TASK_ROUTES = {"chat.tasks.after_reply": {"priority": 9}}
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BEAT_SCHEDULE = {
    "interrupt-abandoned-replies": {
        "task": "chat.tasks.interrupt_abandoned_replies",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "sweep-exports": {
        "task": "chat.tasks.sweep_exports",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "sweep-aftercare": {
        "task": "chat.tasks.sweep_aftercare",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "purge-expired": {"task": "accounts.tasks.purge_expired", "schedule": timedelta(days=1)},
    "resume-ingestion-jobs": {"task": "knowledge.tasks.resume_ingestion_jobs", "schedule": 60.0},
    "index-new-passages": {
        "task": "knowledge.tasks.index_new_passages",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "embed-missing-passages": {"task": "knowledge.tasks.embed_missing_passages", "schedule": 600.0},
}

# --- Accounts
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.int("ACCESS_TOKEN_MINUTES", default=30)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.int("REFRESH_TOKEN_DAYS", default=30)),
    "SIGNING_KEY": _text("JWT_SECRET_KEY", SECRET_KEY),
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "user_id",
}
environ.Env.EMAIL_SCHEMES["consolemail"] = (
    "accounts.console_mail.EmailBackend"  # Django's own is hard to read.
)
vars().update(environ.Env.email_url_config(_text("EMAIL_URL", "consolemail://")))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = _text("DEFAULT_FROM_EMAIL", "国学大师 <no-reply@localhost>")
EMAIL_CODE_TTL_SECONDS = 600

# --- REST
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["guoxue.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["guoxue.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "guoxue.api.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {
        "email-code-ip": _text("EMAIL_CODE_RATE_IP", "20/hour"),
        "login-ip": _text("LOGIN_RATE_IP", "30/minute"),
        "search": _text("SEARCH_RATE", "60/minute"),
        "quotes": _text("QUOTES_RATE", "30/minute"),
        "exports": _text("EXPORT_RATE", "30/day"),
    },
    "NUM_PROXIES": env.int("NUM_PROXIES", default=0),
    "EXCEPTION_HANDLER": "guoxue.api.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "国学大师 API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "国学问答：流式回复、出处引文、引文核对。",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "PassageKindEnum": "knowledge.models.Passage.Kind",
        "CategoryEnum": "knowledge.models.Category",
        "ExportFormatEnum": "chat.models.Export.Format",
    },
}

# --- Language models: any OpenAI-compatible server; without a provider the built-in offline model answers.
# Several at once: LLM_PROVIDERS names them, LLM_<NAME>_BASE_URL, _API_KEY, _MODELS (ours, or ours=theirs) say the rest.
LLM_BASE_URL = _text("LLM_BASE_URL", "https://api.deepseek.com")
LLM_API_KEY = _text("LLM_API_KEY")
LLM_PROVIDERS: dict[str, dict[str, Any]] = {
    name: {
        "base_url": _text(f"LLM_{name.upper()}_BASE_URL"),
        "api_key": _text(f"LLM_{name.upper()}_API_KEY"),
        "models": {
            ours: theirs or ours
            for ours, _, theirs in (
                model.partition("=") for model in env.list(f"LLM_{name.upper()}_MODELS", default=[])
            )
        },
    }
    for name in env.list("LLM_PROVIDERS", default=[])
}
for _name, _provider in LLM_PROVIDERS.items():
    if not re.fullmatch("[a-z][a-z0-9_]*", _name) or _name == "default":
        raise ImproperlyConfigured(f"LLM_PROVIDERS: a name is of small letters, digits and _, not {_name!r}.")
    if not _provider["base_url"] or not _provider["models"]:
        raise ImproperlyConfigured(f"Set LLM_{_name.upper()}_BASE_URL and LLM_{_name.upper()}_MODELS.")
_first_models = [model for _provider in LLM_PROVIDERS.values() for model in _provider["models"]]
LLM_MODEL = _text("LLM_MODEL", _first_models[0] if _first_models and not LLM_API_KEY else "deepseek-chat")
if _first_models and not LLM_API_KEY and LLM_MODEL not in _first_models:
    raise ImproperlyConfigured(f"LLM_MODEL: no provider of LLM_PROVIDERS has the model {LLM_MODEL!r}.")
# Asked in turn before the first token when a model's own providers fail; the price stays that of the model asked for.
LLM_FALLBACKS = env.list("LLM_FALLBACKS", default=[])
# How many tokens a model takes, prompt and answer together, as model=tokens; others are taken for large enough.
LLM_CONTEXT_TOKENS = {
    model: int(tokens) for model, tokens in env.dict("LLM_CONTEXT_TOKENS", default={}).items()
}
LLM_CONNECT_TIMEOUT_SECONDS = env.float("LLM_CONNECT_TIMEOUT_SECONDS", default=5.0)
LLM_FIRST_TOKEN_TIMEOUT_SECONDS = env.float("LLM_FIRST_TOKEN_TIMEOUT_SECONDS", default=20.0)
LLM_GAP_TIMEOUT_SECONDS = env.float("LLM_GAP_TIMEOUT_SECONDS", default=30.0)
LLM_TOTAL_TIMEOUT_SECONDS = env.float("LLM_TOTAL_TIMEOUT_SECONDS", default=300.0)

# --- Chat
MESSAGE_MAX_CHARACTERS = 4000
REPLY_LEASE_SECONDS = env.int("REPLY_LEASE_SECONDS", default=15)
# How many replies of one model a web process writes at once, how many more may wait, and for how long.
LLM_MAX_STREAMS = env.int("LLM_MAX_STREAMS", default=100)
LLM_QUEUE_LIMIT = env.int("LLM_QUEUE_LIMIT", default=200)
LLM_QUEUE_SECONDS = env.float("LLM_QUEUE_SECONDS", default=60)
# A client that takes nothing for so long is cut off; it comes back and resumes.
SLOW_CLIENT_SECONDS = env.float("SLOW_CLIENT_SECONDS", default=10)
# How long a process that is told to stop lets its replies go on.
REPLY_DRAIN_SECONDS = env.float("REPLY_DRAIN_SECONDS", default=20)

# How many roles of their own a reader may have, and how long the instructions of each may be.
OWN_ROLES_MAX = env.int("OWN_ROLES_MAX", default=20)
OWN_ROLE_PROMPT_MAX_CHARACTERS = env.int("OWN_ROLE_PROMPT_MAX_CHARACTERS", default=2000)
# A pause longer than this ends a talk with a persona "without a break", of which two hours call for a reminder.
PERSONA_BREAK = timedelta(minutes=env.int("PERSONA_BREAK_MINUTES", default=30))
# --- Exports: files of conversations, for a while in a folder of our own. All web processes and workers share it.
EXPORT_DIR = Path(_text("EXPORT_DIR", str(VAR_DIR / "exports")))
EXPORT_KEEP_HOURS = env.int("EXPORT_KEEP_HOURS", default=72)
EXPORT_MAX_SESSIONS = env.int("EXPORT_MAX_SESSIONS", default=2000)
EXPORT_MAX_BYTES = env.int("EXPORT_MAX_BYTES", default=200_000_000)
# How many a reader may have under way, and kept; how many are written at once, so that mail and sweeps go on beside.
EXPORT_ACTIVE_LIMIT = env.int("EXPORT_ACTIVE_LIMIT", default=2)
EXPORT_KEPT_LIMIT = env.int("EXPORT_KEPT_LIMIT", default=10)
EXPORT_PARALLEL = max(1, env.int("EXPORT_PARALLEL", default=1))
# Where nginx hands the files out: the location that deploy/nginx keeps for it. Empty: the web processes do.
EXPORT_ACCEL_PREFIX = _text("EXPORT_ACCEL_PREFIX")

# --- What the service asks a model for itself, after a reply and at the operator's expense; without a model, nothing.
SESSION_TITLES = env.bool("SESSION_TITLES", default=True)
REPLY_SUGGESTIONS = env.bool("REPLY_SUGGESTIONS", default=True)
CONVERSATION_SUMMARIES = env.bool("CONVERSATION_SUMMARIES", default=True)
# A small, quick one will do; empty means LLM_MODEL.
BACKGROUND_MODEL = _text("BACKGROUND_MODEL")
if BACKGROUND_MODEL and _first_models and BACKGROUND_MODEL not in {*_first_models, LLM_MODEL}:
    raise ImproperlyConfigured(f"BACKGROUND_MODEL: no provider has the model {BACKGROUND_MODEL!r}.")

# --- Moderation: what is done with a text that a moderator should judge, when it does not answer.
MODERATION_INPUT_FAILS_OPEN = env.bool("MODERATION_INPUT_FAILS_OPEN", default=True)
MODERATION_OUTPUT_FAILS_OPEN = env.bool("MODERATION_OUTPUT_FAILS_OPEN", default=False)

# --- WeChat: without an app id nothing is asked of it.
WECHAT_API_BASE_URL = _text("WECHAT_API_BASE_URL", "https://api.weixin.qq.com")
WECHAT_APP_ID = _text("WECHAT_APP_ID")
WECHAT_APP_SECRET = _text("WECHAT_APP_SECRET")
if WECHAT_APP_ID and not WECHAT_APP_SECRET:
    raise ImproperlyConfigured("WECHAT_APP_SECRET must be set together with WECHAT_APP_ID.")
WECHAT_TIMEOUT_SECONDS = env.float("WECHAT_TIMEOUT_SECONDS", default=3.0)
# --- Labels of what is generated: the provider's name, and its number in the scheme of GB 45438-2025 (which goes first)
AIGC_PRODUCER_NAME = _text("AIGC_PRODUCER_NAME", "国学大师")
AIGC_PRODUCER_CODE = _text("AIGC_PRODUCER_CODE")

# --- Embeddings: empty base URL means the bundled model.
EMBEDDING_BASE_URL = _text("EMBEDDING_BASE_URL")
EMBEDDING_API_KEY = _text("EMBEDDING_API_KEY")
EMBEDDING_MODEL = _text("EMBEDDING_MODEL")
EMBEDDING_DIMENSIONS = env.int("EMBEDDING_DIMENSIONS", default=384)
EMBEDDING_THREADS = env.int("EMBEDDING_THREADS", default=2)
# Alibaba Cloud takes no more texts at once; the other vendors take more.
EMBEDDING_BATCH_SIZE = max(1, env.int("EMBEDDING_BATCH_SIZE", default=10))
EMBEDDING_PARALLEL_REQUESTS = max(1, env.int("EMBEDDING_PARALLEL_REQUESTS", default=4))
EMBEDDING_REQUESTS_PER_MINUTE = env.int("EMBEDDING_REQUESTS_PER_MINUTE", default=0)
EMBEDDING_TOKENS_PER_MINUTE = env.int("EMBEDDING_TOKENS_PER_MINUTE", default=0)
# The server that was used before: the search goes on with it until the vectors of the new one are complete.
EMBEDDING_PREVIOUS_BASE_URL = _text("EMBEDDING_PREVIOUS_BASE_URL")
EMBEDDING_PREVIOUS_API_KEY = _text("EMBEDDING_PREVIOUS_API_KEY")
EMBEDDING_PREVIOUS_MODEL = _text("EMBEDDING_PREVIOUS_MODEL")
EMBEDDING_PREVIOUS_DIMENSIONS = env.int("EMBEDDING_PREVIOUS_DIMENSIONS", default=384)

# --- Reranker: a server of the shape of Jina's or Cohere's; empty means none.
RERANKER_BASE_URL = _text("RERANKER_BASE_URL")
RERANKER_API_KEY = _text("RERANKER_API_KEY")
RERANKER_MODEL = _text("RERANKER_MODEL")
RERANKER_TIMEOUT_SECONDS = env.float("RERANKER_TIMEOUT_SECONDS", default=3.0)

# --- Money, in micro-yuan (¥1 = 1 000 000)
TRIAL_GRANT_MICROS = env.int("TRIAL_GRANT_MICROS", default=10_000_000)
TRIAL_DAILY_BUDGET_MICROS = env.int("TRIAL_DAILY_BUDGET_MICROS", default=10_000_000_000)
TRIAL_HMAC_KEY = _text("TRIAL_HMAC_KEY", SECRET_KEY if DEBUG else "")
if not TRIAL_HMAC_KEY:
    raise ImproperlyConfigured(
        "TRIAL_HMAC_KEY must be set and kept: with another key a person who comes back gets it again."
    )

# --- Language, time, files
LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
MEDIA_ROOT = VAR_DIR / "media"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o640

# --- Security
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if not DEBUG:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- Logs
LOG_LEVEL = _text("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "daphne": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "pikepdf": {"level": "WARNING"},
    },
}
