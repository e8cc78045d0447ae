"""The admin API and the public description, over real sockets."""
