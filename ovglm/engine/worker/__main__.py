"""Where a worker process begins."""

import sys

from ovglm.engine.worker.child import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
