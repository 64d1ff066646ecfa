"""Django's settings. What surroundings may change is read through `environ.env`."""

from __future__ import annotations

from banyan.config import database
from banyan.config.environ import (
    audit_head,
    data_folder,
    env,
    environment_file,
    exchange_folder,
    has_part,
    secret_key,
    secrets_file,
)  # fmt: skip

MODULES = (
    "company", "parties", "items", "people", "inventory", "equipment", "engineering",
    "sales", "purchasing", "channels", "production", "wages", "exceptions", "station", "trace", "proposals", "planning",
    "teamboard", "handheld", "finance",
)  # fmt: skip


DEBUG = env("BANYAN_DEBUG")
SECRET_KEY = secret_key()
ALLOWED_HOSTS = env("BANYAN_HOSTS")

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_cotton.apps.SimpleAppConfig",
    "oauth2_provider",
    "axes",
    "procrastinate.contrib.django",
    *filter(has_part, (
        "banyan.kernel", *(f"banyan.modules.{name}" for name in MODULES),
        "banyan.integration", "banyan.integration.mapping", "banyan.integration.watch", "banyan.integration.saga",
        "banyan.integration.gateway", "banyan.integration.designer", "banyan.connectors", "banyan.web",
    )),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
    *(["banyan.web.rest.entry.Calls"] if has_part("banyan.web.rest.entry") else []),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "banyan.web.middleware.Acting",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "banyan.config.urls"
WSGI_APPLICATION = "banyan.config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton", "banyan.web.templatetags.banyan"],
            "context_processors": [
                "django.template.context_processors.request",
            ],
        },
    }
]

DATABASES = {"default": database.connection_settings()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if has_part("banyan.kernel"):
    AUTH_USER_MODEL = "kernel.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "username"
AXES_LOCKOUT_CALLABLE = "banyan.web.views.sign_in.locked"
CSRF_FAILURE_VIEW = "banyan.web.incidents.forged"
LOGIN_URL = "/login"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = None  # nothing is collected: files are served from where they were built, compressed
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/dist/assets/.+-[\w-]{8}\.\w+$"
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = data_folder() / "files"
BANYAN_AUDIT_HEAD = audit_head()
BANYAN_SECRETS_KEY = env("BANYAN_SECRETS_KEY")
BANYAN_SECRETS_FILE = secrets_file()
BANYAN_EXCHANGE_FOLDER = exchange_folder()
BANYAN_ENVIRONMENT = env("BANYAN_ENVIRONMENT")
BANYAN_ENVIRONMENT_FILE = environment_file()
FILE_UPLOAD_PERMISSIONS = 0o600

if has_part("banyan.web.sessions"):
    SESSION_ENGINE = "banyan.web.sessions"
BANYAN_SESSION_IDLE_HOURS = env("BANYAN_SESSION_IDLE_HOURS")
BANYAN_SESSION_HOURS = env("BANYAN_SESSION_HOURS")
BANYAN_STATION_IDLE_HOURS = env("BANYAN_STATION_IDLE_HOURS")
BANYAN_STATION_HOURS = env("BANYAN_STATION_HOURS")
SESSION_COOKIE_AGE = round(BANYAN_SESSION_HOURS * 3600)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = env("BANYAN_ORIGINS")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env("BANYAN_SECURE"):
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

BANYAN_RATE_PER_MINUTE = env("BANYAN_RATE_PER_MINUTE")
BANYAN_CALL_LOG_DAYS = env("BANYAN_CALL_LOG_DAYS")
BANYAN_CALL_LOG_SECONDS = 1.0  # between two batches
BANYAN_METRICS_TOKEN = env("BANYAN_METRICS_TOKEN")
BANYAN_OTLP_ENDPOINT = env("BANYAN_OTLP_ENDPOINT")
BANYAN_OTLP_SECRET_HEADERS = env("BANYAN_OTLP_HEADERS")  # named so that no page of a fault shows them
BANYAN_OTLP_SAMPLE = env("BANYAN_OTLP_SAMPLE")
OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # only hashes of tokens are kept
    "OAUTH2_VALIDATOR_CLASS": "banyan.web.rest.oauth.Validator",
    "SCOPES_BACKEND_CLASS": "banyan.web.rest.oauth.Scopes",
    "SCOPES": {"*": "All that the account may do; permissions such as sales.* narrow it"},
    "PKCE_REQUIRED": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env("BANYAN_LOG_LEVEL")},
    "loggers": {"axes": {"level": "WARNING"}, "procrastinate": {"level": "WARNING"}},
}
