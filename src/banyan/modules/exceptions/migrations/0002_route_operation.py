from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('exceptions', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='route',
            name='operation_name',
            field=models.CharField(blank=True, default='', max_length=120),
        ),
    ]
