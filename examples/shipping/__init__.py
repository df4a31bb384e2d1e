"""A second service: it ships what the shop has sold, from what the shop has published."""
