"""Settings of the test runs: the product's own, with a quick password hasher and no lockout log.

Files of the front end are found when they are asked for: to list them all takes longer than most tests.
"""

import os

os.environ.setdefault("BANYAN_DB_ROLE", "owner")
os.environ.setdefault("BANYAN_SECRET_KEY", "only-for-tests-0123456789-0123456789-0123456789")

from banyan.config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
AXES_ENABLED = False
WHITENOISE_AUTOREFRESH = True
BANYAN_CALL_LOG_SECONDS = 0  # tests write the call log when they want to read it
BANYAN_ENVIRONMENT, BANYAN_ENVIRONMENT_FILE = "", os.devnull + "/environment"  # as nothing had ever been started
BANYAN_OTLP_ENDPOINT = ""  # tests say themselves where traces go
