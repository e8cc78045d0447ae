"""The HTTP/1.1 client over real sockets, on both event loops."""
