"""What should happen now: a pure function of events and time.

    effects = scheduler.handle(event, now_us)
    wakeup_at = scheduler.wakeup_at()

No clock, no dice, no waiting, no logging, no exceptions of ours. An event that does not fit the
state changes nothing.
"""
