from django.db import migrations, models

#: The rule of `lib.calendar.shift_day` for the worker's own shift; an undo is of the day of what it takes back.
FILL = """
ALTER TABLE production_report DISABLE TRIGGER USER;
UPDATE production_report r SET day = v.local::date - CASE
    WHEN s.ends_at < s.starts_at AND 2 * v.local::time::interval < s.ends_at::interval + s.starts_at::interval
    THEN 1 ELSE 0 END
FROM (
    SELECT b.id, b.worker, least(coalesce(b.device_at, b.reported_at), b.reported_at) AT TIME ZONE p.zone AS local
    FROM production_report b JOIN company_plant p ON p.id = b.plant_id
) v LEFT JOIN people_employee e ON e.id = v.worker LEFT JOIN people_shift s ON s.id = e.shift_id
WHERE v.id = r.id AND r.day IS NULL;
UPDATE production_report r SET day = u.day FROM production_report u WHERE u.id = r.reverses_id AND r.day <> u.day;
ALTER TABLE production_report ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    """Keep of each report the day whose shift it was made in."""

    dependencies = [
        ("production", "0002_hot_rows"),
        ("company", "0001_initial"),
        ("people", "0002_sorted_by_name"),
    ]

    operations = [
        migrations.AddField("report", "day", models.DateField(null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AlterField("report", "day", models.DateField()),
        migrations.AddIndex("report", models.Index(fields=["day", "id"], name="production_report_day")),
    ]
