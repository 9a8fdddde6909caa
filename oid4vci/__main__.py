"""`python -m oid4vci`: the command line."""

import sys

from oid4vci.cli import main

sys.exit(main())
