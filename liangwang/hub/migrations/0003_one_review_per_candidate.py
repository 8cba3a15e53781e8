from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hub', '0002_collect_link_reconcile'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='linkreview',
            name='one_review_per_row',
        ),
        migrations.AddConstraint(
            model_name='linkreview',
            constraint=models.UniqueConstraint(fields=('batch', 'row', 'right'), name='one_review_per_candidate'),
        ),
    ]
