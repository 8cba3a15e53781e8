"""What base does in the worker: it takes the packs' files into the version table once after each start."""

import logging
from datetime import datetime

from . import pack_versions

log = logging.getLogger(__name__)
_synced = False


def tick(at: datetime) -> None:
    """Syncs at the worker's first turn: files change with a release, and a release restarts the worker."""
    global _synced
    if not _synced:
        found = pack_versions.sync(at)
        _synced = True
        log.info("packs: %d published, %d drafts to merge, %d gone", *found)
