"""Loaded by pytest before Django reads its settings: each process has a DATA of its own and the small test city."""

import os
import tempfile

os.environ["DATA"] = tempfile.mkdtemp(prefix="liangwang-test-")
os.environ.setdefault("CITY", "testville")
os.environ["DEMO"] = "1"
