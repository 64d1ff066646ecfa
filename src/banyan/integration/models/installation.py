"""What this database was told to be."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from banyan.integration.models.systems import ENVIRONMENTS


class Installation(models.Model):
    """The environment that this database belongs to, one row. A copy of it still says what the original was."""

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    environment = models.CharField(max_length=12)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="integration_installation_one"),
            models.CheckConstraint(
                condition=Q(environment__in=ENVIRONMENTS), name="integration_installation_environment"
            ),
        ]
