"""Where the interpreter of a runner begins: it runs this file, isolated from the environment and without
site-packages (`python -I -S`), which halves its start."""

import os
import sys

if __name__ == "__main__":
    # Last, so that nothing that is installed beside tmaxd stands before the standard library.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from tmaxd.worker.runner import main

    main(sys.argv[1:])
