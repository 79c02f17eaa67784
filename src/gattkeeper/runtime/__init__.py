"""The core meets the event loop: time, tasks, and the public API."""
