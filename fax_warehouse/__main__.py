"""`python -m fax_warehouse` is `fax-warehouse`."""

import sys

from fax_warehouse.command import main

sys.exit(main())
