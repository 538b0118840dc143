"""What the planner takes for granted and only AWS can show: numbers, and the same in words."""

from __future__ import annotations

from tickwire.workload import MARKET_H

RUN_MS = {"ingest": 60, "board": 40, "bars": 40, "status": 150, "query": 30, "feed": 30}
SYSTEM_BYTES = 550  # of Lambda's own lines about a run, as CloudWatch counts them
ACCESS_BYTES = 330  # of the API's line about a request
RECEIVES = 1.3  # of what one call put on the queue, if that's several messages: as on the local platform
IDLE_POLLS_MIN = 15
SESSION_H = 8.0
PAGE_REQUESTS, PAGE_KB, ANSWER_KB = 6, 60, 2
TILES = 20  # that the dashboard shows at most, each with its last hour

ASSUMED = (
    f"A run takes {', '.join(f'{ms} ms ({name})' for name, ms in RUN_MS.items())}; "
    "the feed all of its minute while the market is open.",
    f"What one call puts on the queue, up to ten symbols, takes {RECEIVES} receives, deletes and runs.",
    f"While nothing comes, Lambda polls the queue {IDLE_POLLS_MIN} times a minute: five pollers, 20 s each.",
    f"A viewer connects anew each {SESSION_H:g} h, loads the page ({PAGE_REQUESTS} requests, {PAGE_KB} KB), "
    f"one snapshot and the last hour of each symbol, {TILES} at most, and watches one lane; nothing of the "
    "API is cached.",
    "A metric that a function writes is charged for the hours in which it's written.",
    f"An exchange is open {MARKET_H} h a month, unless the workload's hours say else.",
    f"Lambda writes {SYSTEM_BYTES} bytes to the log for each run, the API {ACCESS_BYTES} for each request, "
    f"and answers have {ANSWER_KB} KB.",
    "Free allowances of the account aren't taken off, unless asked for: its stages share them.",
    "Nothing fails: no retries, dead letters, corrected bars; items that expire cost nothing.",
)
