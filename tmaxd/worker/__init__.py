"""What runs inside a pane: the Python SDK of `serve:` groups, and the runner of `task:` groups.

A worker is a program with a handler:

    from tmaxd.worker import Task, serve

    def handle(task: Task) -> str:
        return task.payload.upper()

    serve(handler=handle)

Nothing here imports a library or another room of tmaxd: it must start fast and run anywhere.
`docs/protocol.md` says what goes over the FIFOs.
"""

from tmaxd.worker.given import worker_name
from tmaxd.worker.serve import serve
from tmaxd.worker.task import Task, Temporary

__all__ = ["Task", "Temporary", "serve", "worker_name"]
