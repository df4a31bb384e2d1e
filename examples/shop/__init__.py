"""A small shop that takes orders, built on the message bus.

Read it in this order:

- ``messages``: the commands that the shop takes and the events that it raises.
- ``model``: products and orders, with the rules that they enforce.
- ``handlers``: the reaction to each message.
- ``tables`` and ``unit_of_work``: storage in SQLite or PostgreSQL.
- ``bootstrap``: the wiring of bus, unit of work, outbox and relay.
- ``lines``, ``report`` and ``cli``: the command line around it.
"""
