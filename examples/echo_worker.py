"""A worker for a `serve:` group: takes tasks from its own FIFO and gives each payload back."""

from tmaxd.worker import Task, serve


def handle(task: Task) -> str:
    return task.payload


if __name__ == "__main__":
    serve(handle, window=64)
