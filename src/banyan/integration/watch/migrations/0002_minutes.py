"""What tries came to by minute, written by the statement that writes them."""

import django.db.models.deletion
from django.db import migrations, models

#: What a try counts as. Classes of times: 0 is below 1 ms, n from 1.1 ^ (n - 1) to below 1.1 ^ n (rules.GROWTH); -1: not done.
#: The trigger looks each message up by its key (the limit sees to that): a plan of its own would at times read them all.
FORWARD = """
CREATE FUNCTION watch_counted(outcome varchar, place int, at timestamptz, since timestamptz)
RETURNS TABLE (minute timestamptz, bucket smallint, failed int, dead int, retried int, ms bigint)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT date_trunc('minute', at),
        (CASE WHEN outcome <> 'done' THEN -1 WHEN t.ms < 1 THEN 0 ELSE floor(ln(t.ms) / ln(1.1::float8)) + 1 END)::smallint,
        (outcome IN ('failed', 'dead'))::int, (outcome = 'dead')::int, (outcome = 'done' AND place > 1)::int,
        (CASE WHEN outcome = 'done' THEN round(t.ms) ELSE 0 END)::bigint
    FROM (SELECT greatest(0, date_part('epoch', at - since) * 1000) AS ms) t
$$;

CREATE FUNCTION watch_sum_tries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watch_minute (flow_id, minute, bucket, tries, failed, dead, retried, ms, is_folded)
    SELECT m.flow_id, c.minute, c.bucket, count(*), sum(c.failed), sum(c.dead), sum(c.retried), sum(c.ms), false
    FROM fresh a
    CROSS JOIN LATERAL (SELECT x.flow_id, x.at FROM integration_message x WHERE x.id = a.message_id LIMIT 1) m
    CROSS JOIN LATERAL watch_counted(a.outcome, a.position, a.at, m.at) c
    GROUP BY 1, 2, 3;
    RETURN NULL;
END $$;

CREATE TRIGGER watch_sums_tries AFTER INSERT ON integration_attempt
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION watch_sum_tries();

INSERT INTO watch_minute (flow_id, minute, bucket, tries, failed, dead, retried, ms, is_folded)
SELECT m.flow_id, c.minute, c.bucket, count(*), sum(c.failed), sum(c.dead), sum(c.retried), sum(c.ms), true
FROM integration_attempt a JOIN integration_message m ON m.id = a.message_id
CROSS JOIN LATERAL watch_counted(a.outcome, a.position, a.at, m.at) c
WHERE a.at >= date_trunc('minute', now() - interval '9 days')
GROUP BY 1, 2, 3;

ALTER TABLE watch_minute SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
"""
BACKWARD = """
DROP TRIGGER watch_sums_tries ON integration_attempt;
DROP FUNCTION watch_sum_tries, watch_counted;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("integration", "0006_traces"),
        ("watch", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Minute",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("minute", models.DateTimeField()),
                ("bucket", models.SmallIntegerField()),
                ("tries", models.IntegerField()),
                ("failed", models.IntegerField()),
                ("dead", models.IntegerField()),
                ("retried", models.IntegerField()),
                ("ms", models.BigIntegerField()),
                ("is_folded", models.BooleanField(default=False)),
                ("flow", models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="integration.flow")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["minute"], name="watch_minute_at"),
                    models.Index(condition=models.Q(("is_folded", False)), fields=["minute"], name="watch_minute_loose"),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
