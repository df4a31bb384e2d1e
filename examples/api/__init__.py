"""A box office that sells seats over HTTP: FastAPI, SQLite, and a relay beside the application.

Read it in this order:

- ``messages``: the commands that clients post and the events that follow.
- ``model``: shows, with the rules that they enforce.
- ``handlers``: the reaction to each command.
- ``storage``: the tables and the unit of work.
- ``web``: the endpoints, which execute commands, and the lifespan with its relay.
"""
