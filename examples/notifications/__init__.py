"""Registering users, and telling them: the bus and the facade in one program.

Commands change users on the bus, in a transaction. A consumer hears their events in the same
transaction: it writes the history, and refuses names that are reserved. What users and staff are
told is published when the transaction is committed, by topic. Actions of a service are the way in,
and one provider holds the implementations that all of these share.

``messages`` and ``model`` are the domain, ``unit_of_work`` keeps it, ``registration`` are the
listeners of the bus, ``history``, ``outbox`` and ``delivery`` use the facade, ``actions`` is the
way in, ``dependencies`` says what handlers may ask for, ``components`` holds all that handlers are
registered with, and ``bootstrap`` puts it together.
"""
