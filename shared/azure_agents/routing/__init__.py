"""One model of several deployments: limits, health, fallbacks, and ids that stick.

A call is routed by a flow without I/O (`flow`). It asks `choice` for an order of the deployments,
`counts` for a place in the first of them that has one, and `health` what a failure means for the
next calls. The pure parts (`limits`, `windows`, `choice`, `tokens`, `sticky`) know neither clocks
nor locks. `router` is the object that users hold; `redis_counts` shares the counts of several
processes, and when Redis is away each process counts for itself.
"""
