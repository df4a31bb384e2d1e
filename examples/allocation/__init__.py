"""A service that allocates stock to orders, as *Architecture Patterns with Python* describes one.

``docs/from-the-book.md`` goes through it, chapter by chapter. Read it in this order:

- ``messages``: what the service is told and what it tells.
- ``model``: products, their batches, and the rules of allocation.
- ``tables``: the tables, and the mapping of the model to them.
- ``unit_of_work``: the repository and the transaction.
- ``handlers``: the reaction to each message.
- ``read_model``: where each order gets its goods from, kept ready to be read.
- ``notifications``: the e-mail to those who buy.
- ``bootstrap``: the wiring.
- ``web`` and ``app``: the entrypoints, by HTTP and for what others publish.
"""
