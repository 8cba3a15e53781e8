"""Long jobs of rules: a trial on history, a replay beside another; each reports how far it is."""

import logging

from django_tasks import task

from liangwang.base import clock
from liangwang.base.errors import Refusal
from liangwang.base.transactions import write
from liangwang.rules.errors import RuleError

from . import replay, trials
from .rule_models import Trial

logger = logging.getLogger(__name__)


@task()
def run_trial(ref: str) -> None:
    """Run one trial; a second run after a kill starts over, for a trial changes nothing but its own row."""
    trial = Trial.objects.get(ref=ref)
    if trial.state == Trial.State.DONE:
        return
    _keep(trial, state=Trial.State.RUNNING, progress=0.0)
    try:
        run = trials.run if trial.kind == "draft" else replay.run
        found = run(trial, clock.now(), lambda share: _keep(trial, progress=round(min(share, 1.0), 3)))
    except (Refusal, RuleError) as error:
        _keep(
            trial,
            state=Trial.State.FAILED,
            found={"error": {"zh": error.message("zh"), "en": error.message("en")}},
            finished_at=clock.now(),
        )
    except Exception:
        logger.exception("trial %s", ref)
        _keep(trial, state=Trial.State.FAILED, finished_at=clock.now())
        raise
    else:
        _keep(trial, state=Trial.State.DONE, progress=1.0, found=found, finished_at=clock.now())


def _keep(trial: Trial, **fields: object) -> None:
    with write():
        Trial.objects.filter(pk=trial.pk).update(**fields)
