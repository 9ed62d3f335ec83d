"""Which technician goes where and when, and why."""
