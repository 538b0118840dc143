"""The one shim over ministack 1.5.33: what the local AWS lacks is mended here and nowhere else.

Everything in this package runs inside the server's own process (`server.py`); nothing else imports
ministack. Each cure takes hold of a name in ministack through `patch.py`, which refuses to start when
that name has gone. What ministack does, and what is done about it:

rights.py
- An unsigned MQTT upgrade is let in, with every right. Refused (403).
- Root's keys (`test`, an account number) pass with any secret. Their signature is checked, as any other.
- MQTT is only at the host `…-ats.iot.REGION.localhost`. At 127.0.0.1 and localhost too; only at `/mqtt`.
- `${cognito-identity.amazonaws.com:sub}` in a role's policy is taken literally. It's resolved, and so is
  each variable that is known of the caller; a resource with another one matches nothing.
- `iot:Receive` is evaluated for each delivery, most of a delivery's cost. Remembered for a second.
- A connection goes deaf when its credentials expire. It keeps the rights it was opened with, as on AWS.
- Credentials for an identity that no pool knows are made, and worthless. Refused.
- A policy's text is parsed for each request. Once.
- `iam:PolicyARN`, which policy somebody attaches, isn't known to conditions. It is.

workers.py
- A worker inherits the server's environment and Python's variables. Its own only; isolated interpreter.
- A worker in the middle of a call outlives a killed server. It ends with it.
- Each call costs a thread and 50 ms of waiting for log lines, and late ones wait for the next call. The
  pipe is polled, and a worker says when a call is over.
- A handler that raises loses its worker. It's kept, as on AWS.
- A function may have any number of workers. A few; the next call waits, then is throttled.
- New code ends workers in the middle of a call. They have half a second to finish.
- A call that was accepted before an update runs the old code, and may leave its worker in the pool.
  Every call runs the code of the moment.

functions.py
- A log stream for each call, metrics without end. The newest are kept.
- Schedules and rules are looked at every 10 s. Every second.
- An alarm tells topics only. Functions too, with what CloudWatch hands them, as far as it's needed here.

streams.py
- Idle event source mappings wake every 50 ms, and notice the end of a pause up to a second late.
  2 ms; at once.
- A stream mapping's batching window is ignored. Honoured.
- One batch of a FIFO queue at a time. As many as the mapping allows; never two of one group.
- A stream's readers are stuck after a restart. They start at nought, like the stream.

queues.py
- A message that is sent while a batch is being deleted may be lost. One lock for both.
- A FIFO queue that is made anew counts from nought. Its numbers follow the time, and never fall.
- The ids of five minutes are copied for each message sent. Once a second.

queries.py
- Expressions are parsed, and gone through, for every item of a partition. Compiled.

persistence.py, items.py
- State is saved when the server is stopped, all of it. Within a second of a change, the change.

limits.py
- A connection takes any number of filters, subscriptions and messages, of any size and depth, for ever.
  As AWS limits them (tickwire/limits.py); what is over its rate is dropped and counted, as there.
- A filter that is subscribed again is a second subscription. The new one takes the old one's place.

memory.py
- Stream records are kept for 24 hours, the presence of MQTT clients for ever. Bounded.

sockets.py, server.py, local/cloud.py
- One subscriber who doesn't read holds up all. It's cut once a megabyte waits for it. No pings: AWS
  sends none, and paho closes on one.
- Administration and instance metadata without credentials. Not served.
- hypercorn on all interfaces, and ports 8883 and 2222. uvicorn on 127.0.0.1, one port.

Known and left: `SendMessageBatch` asks for `sqs:SendMessageBatch` (AWS: `sqs:SendMessage`);
`dynamodb:LeadingKeys`, `iam:PassRole`, trust policies and mappings' own permissions are not evaluated; a
retained publish over HTTP is not checked for `iot:RetainPublish`; stream handlers run in one polling
thread, so a slow one stalls the others; `ParallelizationFactor` and bisect are stored only; the broker
serves subscribers one after another and doesn't watch MQTT's keep-alive; items that expire leave no
stream record.
"""
