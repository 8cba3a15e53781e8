"""The commands of this storey."""

import sys
from pathlib import Path

from django.conf import settings

from liangwang.engines.osm import FILE, NOTICE, NotStreets, streets_of
from liangwang.engines.street_graph import write_streets


def import_streets(file: str) -> int:
    """The command: reads an extract into DATA/graph, where dispatch finds it at its next start."""

    try:
        graph = streets_of(Path(file))
    except NotStreets:
        print(
            " · ".join(NotStreets.template[tongue].format(file=file) for tongue in ("zh", "en")),
            file=sys.stderr,
        )
        return 2
    folder = settings.DATA / "graph"
    folder.mkdir(parents=True, exist_ok=True)
    write_streets(graph, folder / FILE)
    print(
        f"{len(graph):,} 个节点 · nodes, {len(graph.tail):,} 条有向路段 · arcs\n{NOTICE['zh']}\n{NOTICE['en']}"
    )
    return 0
