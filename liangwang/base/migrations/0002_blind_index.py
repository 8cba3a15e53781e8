"""Computes every person's blind indexes anew: they are keyed SHA-256 now, which query engines can compute too."""

from django.db import migrations

from liangwang.base import keys


def anew(apps, schema_editor):
    """Unseals identity number and phone of each person and blinds them again; identities stay unique."""
    Person = apps.get_model("base", "Person")
    fields = ("identity", "phone")
    people = Person.objects.only("pk", *(f"{field}_{part}" for field in fields for part in ("sealed", "blind")))
    found = []
    for person in people.iterator(chunk_size=2_000):
        for field in fields:
            sealed = getattr(person, f"{field}_sealed")
            if sealed:
                text = keys.unseal(sealed, f"person:{person.pk}:{field}")
                setattr(person, f"{field}_blind", keys.blind(text, field))
        found.append(person)
    Person.objects.bulk_update(found, [f"{field}_blind" for field in fields], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("base", "0001_initial")]
    operations = [migrations.RunPython(anew, migrations.RunPython.noop)]
