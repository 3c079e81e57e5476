"""The daemon: observe, plan, execute, report; reload; the API; the composition root."""
