"""Django's settings; the environment is read here and nowhere else."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from liangwang.static import version

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DATA", ROOT / "var")).resolve()
CITY = os.environ.get("CITY", "shanghai")
CITY_DIR = ROOT / "cities" / CITY
PACKS_DIR = Path(os.environ.get("PACKS", ROOT / "packs")).resolve()
PORT = int(os.environ.get("PORT", "8000"))
HOST = os.environ.get("HOST", "127.0.0.1")
DEMO = os.environ.get("DEMO", "1") == "1" and HOST in {"127.0.0.1", "localhost", "::1"}
WEB = int(os.environ.get("WEB", "1"))
TLS_CERT = os.environ.get("TLS_CERT", "")
TLS_KEY = os.environ.get("TLS_KEY", "")
LOCK_WAIT_S = int(os.environ.get("LOCK_WAIT_S", "20"))
"""Seconds that a writer waits for another before its user is told to try again (SQLite has one writer at a time)."""
SITE = os.environ.get("SITE", f"{'https' if TLS_CERT else 'http'}://{HOST}:{PORT}").rstrip("/")
MQTT_URL = os.environ.get("MQTT_URL", "")
MQTT_PORT = int(os.environ.get("MQTT_PORT", "1883"))
# The gateway of text messages; SMS_PROVIDER is one of the shapes of liangwang/channels/sms.yaml.
SMS_URL = os.environ.get("SMS_URL", "")
SMS_KEY = os.environ.get("SMS_KEY", "")
SMS_TEMPLATE = os.environ.get("SMS_TEMPLATE", "")
SMS_PROVIDER = os.environ.get("SMS_PROVIDER", "json")
HUB_ENGINE = os.environ.get("HUB_ENGINE", "duckdb")
SPARK_MASTER = os.environ.get("SPARK_MASTER", "local[*]")
DATABASE_URL = os.environ.get("DATABASE_URL", "")
# PULL_<NAME>=postgresql://…: other offices' databases whose tables the hub reads (`pull:` of a source).
PULLS = {key.removeprefix("PULL_"): value for key, value in os.environ.items() if key.startswith("PULL_")}
NODE_MODULES = ROOT / "node_modules"

DATA.mkdir(parents=True, exist_ok=True)


def _secret() -> str:
    """The session secret: made once, kept in DATA/keys (0600)."""
    path = DATA / "keys" / "session"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            f.write(os.urandom(32).hex())
    return path.read_text()


def _database(url: str) -> dict[str, Any]:
    """SQLite by default, PostgreSQL by DATABASE_URL=postgresql://user:pw@host:port/name?host=/socket/folder&sslmode=…"""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(DATA / "liangwang.sqlite3"),
            "CONN_MAX_AGE": None,
            # A file, as in life: in memory the locks are others, and a second thread may wait for ever.
            "TEST": {"NAME": str(DATA / "test.sqlite3")},
            "OPTIONS": {
                # FULL, because acknowledged means durable even when the power goes.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
                " PRAGMA mmap_size=268435456; PRAGMA cache_size=-65536;",
                "timeout": LOCK_WAIT_S,
                "transaction_mode": "IMMEDIATE",
            },
        }
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


SECRET_KEY = _secret()
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"] + [
    h for h in os.environ.get("ALLOWED_HOSTS", "").split(",") if h
]
DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "liangwang.base",
    "liangwang.hub",
    "liangwang.cases",
    "liangwang.services",
    "liangwang.operations",
    "liangwang.web",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "django_tasks",
    "django_tasks_db",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "liangwang.base.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "liangwang.base.middleware.HatMiddleware",
    "liangwang.base.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "liangwang.web.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "liangwang" / "web" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "liangwang.web.context.page",
            ],
        },
    }
]
AUTH_USER_MODEL = "base.Party"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = "login_name"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = {"login": "20/m/ip", "login_failed": "5/m/key,20/m/ip"}
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(TLS_CERT)
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "liangwang.web.shared.errors.csrf_failed"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = sorted((ROOT / "liangwang" / "web").glob("*/locale"))
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

# One version for the whole tree: relative imports between ES modules keep working, and browsers may keep files for ever.
STATIC_URL = f"/static/{version(ROOT / 'liangwang' / 'web' / 'static', ROOT / 'package-lock.json')}/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [ROOT / "liangwang" / "web" / "static"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

LOADS = "loads"  # the queue of loads, which have threads of their own in the worker
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default", LOADS]}}
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # How it simplifies a query is no news to whoever reads the log.
    "loggers": {"sqlglot": {"level": "WARNING"}},
}
