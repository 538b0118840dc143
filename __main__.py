"""Tickwire on AWS, in the order that a price flows. `pulumi up` reads this file; so does `make run`."""

from __future__ import annotations

import pulumi

from components.alarms import Alarms, AlarmsArgs
from components.bars import Bars, BarsArgs
from components.board import Board, BoardArgs
from components.brake import Brake, BrakeArgs
from components.broker import Broker, BrokerArgs
from components.budget import Budget, BudgetArgs
from components.door import Door, DoorArgs
from components.feed import Feed, FeedArgs
from components.history import History, HistoryArgs
from components.identity import Identity, IdentityArgs
from components.ingest import Ingest, IngestArgs
from components.pages import read_pages
from components.query import Query, QueryArgs
from components.queue import Queue, QueueArgs
from components.site import Site, SiteArgs
from components.stage import read_key_digest, read_stage
from components.status import Status, StatusArgs

stage = read_stage()
pages = read_pages()

broker = Broker("broker", BrokerArgs(stage=stage))
history = History("history", HistoryArgs(stage=stage))
queue = Queue("queue", QueueArgs(stage=stage, attempts_max=300))
feed = Feed("feed", FeedArgs(stage=stage, fills=queue))
ingest = Ingest("ingest", IngestArgs(stage=stage, drains=queue, records_to=history, publishes_to=broker))
board = Board("board", BoardArgs(stage=stage, follows=history, publishes_to=broker))
bars = Bars("bars", BarsArgs(stage=stage, follows=history, publishes_to=broker))
query = Query("query", QueryArgs(stage=stage, reads=history))
door = Door("door", DoorArgs(stage=stage, opens_on=query, fills=queue, key_digest=read_key_digest()))
status = Status("status", StatusArgs(stage=stage, reads=history, looks_at=queue, publishes_to=broker))
identity = Identity("identity", IdentityArgs(stage=stage, admits_to=broker))
brake = Brake("brake", BrakeArgs(stage=stage, shuts_out=identity))
site = Site("site", SiteArgs(stage=stage, shows=pages, serves=query, points_to=broker, admits_by=identity))
watched = [one.function for one in (ingest, board, bars, query, door, status)]
rings_for = AlarmsArgs(stage=stage, feed=feed, queue=queue, history=history, functions=watched, brake=brake)
alarms = Alarms("alarms", rings_for)
budget = Budget("budget", BudgetArgs(stage=stage, tells=alarms))

pulumi.export("url", site.url)
pulumi.export("api", site.api)
pulumi.export("apiOrigin", query.url)
pulumi.export("iotUrl", broker.socket_url)
pulumi.export("identityPoolId", identity.pool_id)
pulumi.export("symbols", list(stage.symbols))
pulumi.export("queueUrl", queue.url)
pulumi.export("deadQueueUrl", queue.dead_url)
pulumi.export("table", history.table)
pulumi.export("feed", feed.name)
pulumi.export("bucket", site.bucket)
pulumi.export("alarmTopic", alarms.topic)
pulumi.export("dashboard", alarms.dashboard)
pulumi.export("brakes", sorted(stage.brakes))
pulumi.export("estimate", budget.estimate)
