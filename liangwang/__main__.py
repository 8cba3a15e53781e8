"""`python -m liangwang` is the command `liangwang`."""

import sys

from liangwang.cli import main

sys.exit(main())
