"""Accounts and posting rules of shops' statements, for books that were opened before there were any."""

from django.db import migrations

STATEMENTS = """
INSERT INTO finance_account (id, version, created_at, changed_at, code, name, name_en, kind, normal_side, parent_id,
    is_leaf, auxiliaries, is_active)
SELECT gen_random_uuid(), 1, now(), now(), v.code, v.name, v.name_en, 'asset', 'debit', p.id, true, '{}', true
FROM (VALUES ('101203', '支付平台账户', 'Payment platforms', '1012'),
             ('122104', '平台待清款项', 'Platform settlements to clear', '1221')) v(code, name, name_en, parent)
JOIN finance_account p ON p.code = v.parent AND NOT p.is_leaf
ON CONFLICT (code) DO NOTHING;
INSERT INTO finance_postingrule (id, version, created_at, changed_at, event, debit_id, credit_id, note)
SELECT gen_random_uuid(), 1, now(), now(), v.event, d.id, c.id, v.note
FROM (VALUES ('payment_back', '1122', '1002', '退款给客户'),
             ('settlement', '101203', '122104', '平台结算：款进平台账户，核销前挂平台待清'),
             ('platform_fee', '560107', '101203', '平台从结算款中扣的费用'),
             ('platform_fee', '660107', '101203', '平台从结算款中扣的费用')) v(event, debit, credit, note)
JOIN finance_account d ON d.code = v.debit AND d.is_leaf JOIN finance_account c ON c.code = v.credit AND c.is_leaf
WHERE EXISTS (SELECT FROM finance_postingrule)
ON CONFLICT (event) DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("finance", "0003_statements")]
    operations = [migrations.RunSQL(STATEMENTS, migrations.RunSQL.noop)]
