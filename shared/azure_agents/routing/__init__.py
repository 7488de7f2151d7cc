"""One model of several deployments: limits, health, fallbacks, and ids that stick.

A call is routed by a flow without I/O (`flow`). It asks `choice` for an order of the deployments,
`counts` for a place in the first of them that has one, and `health` what a failure means for the
next calls. The pure parts (`limits`, `windows`, `choice`, `tokens`, `sticky`) know neither clocks
nor locks. `engine` puts them together for whoever asks; `router` is the object that users hold.
With `redis_link` several processes share their counts, and while Redis is away each counts for
itself.
"""
