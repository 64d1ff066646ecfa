"""Session keys that could not be renewed are measured; scans compare some of what a partner lists."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("watch", "0003_seeds"),
        ("integration", "0009_session_keys"),
    ]

    operations = [
        migrations.AddField("scan", "their_filter", models.CharField(blank=True, default="", max_length=1000)),
        migrations.RemoveConstraint("alertrule", "watch_alert_rule_measure"),
        migrations.AddConstraint(
            "alertrule",
            models.CheckConstraint(
                condition=models.Q(
                    ("measure__in", (
                        "dead", "waiting", "breaker", "blocked", "errors", "differences", "silence", "renewal",
                    ))
                ),
                name="watch_alert_rule_measure",
            ),
        ),
    ]
