"""What the engine reads by kept statements is what Django reads."""

import pytest
from django.db import transaction

from liangwang.base.hats import platform
from liangwang.cases import engine
from liangwang.cases.models import Case, Task
from tests.cases.factories import AT, make_street, open_application, open_incident

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_a_held_case_reads_as_django_reads_it() -> None:
    """Every column that the engine reads of a case and its tasks, in both kinds of case."""
    street = make_street()
    for case in (open_application(street.centre, facts={"name": "林晓", "n": 1.5}), open_incident(street)):
        with transaction.atomic():
            held = engine.lock_case(case.pk, platform("test"), AT)
        fresh = Case.objects.get(pk=case.pk)
        for field in Case._meta.concrete_fields:
            assert getattr(held.case, field.attname) == getattr(fresh, field.attname), field
        assert engine.place_code_of(held.case) == street.place.code
        tasks = {task.node: task for task in Task.objects.filter(case=case)}
        assert held.tasks.keys() == tasks.keys()
        for node, task in held.tasks.items():
            for column in engine.TASK_COLUMNS:
                assert getattr(task, column) == getattr(tasks[node], column), column
            assert task.by == tasks[node].by  # not read along: fetched when somebody asks
