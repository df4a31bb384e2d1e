"""User registration with notifications: the bus and the facade in one program.

A service offers the actions of the program. Each action handles a command on the bus, in a
transaction. A consumer hears the events in the same transaction: it writes the history and refuses
reserved names. After the commit, a publisher sends notifications to its subscribers by topic. One
provider holds the implementations of all dependencies.

Read it in this order:

- ``messages`` and ``model``: the domain.
- ``unit_of_work``: storage in SQLite.
- ``registration``: the listeners of the bus.
- ``history``: the handlers of the consumer.
- ``outbox`` and ``delivery``: notifications, before and after the commit.
- ``actions``: the actions of the service.
- ``dependencies``, ``components`` and ``bootstrap``: the wiring.
"""
