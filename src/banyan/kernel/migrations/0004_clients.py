"""Clients made before there were limits for them go on without any."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kernel", "0003_gateway"), ("oauth2_provider", "0022_refreshtoken_token_family_index")]
    operations = [
        migrations.RunSQL(
            """
            INSERT INTO kernel_client (id, version, client_id, name, user_id, scopes, state, secret_at, old_secret, note)
            SELECT gen_random_uuid(), 1, a.client_id, left(coalesce(nullif(a.name, ''), a.client_id), 120), a.user_id,
                   '{*}', 'active', coalesce(a.updated, now()), '', ''
            FROM oauth2_provider_application a
            WHERE a.user_id IS NOT NULL AND a.authorization_grant_type = 'client-credentials'
              AND NOT EXISTS (SELECT 1 FROM kernel_client c WHERE c.client_id = a.client_id)
            """,
            migrations.RunSQL.noop,
        )
    ]
