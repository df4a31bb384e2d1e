"""A small shop: products, orders and their stock, handled by a message bus.

Layers: ``domain`` knows nothing but itself, ``service`` says what happens on each message,
``adapters`` say where things are kept and sent, ``bootstrap`` chooses the adapters, and
``entrypoint`` is the command line.
"""
