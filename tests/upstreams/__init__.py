"""Fake vendors at the network's edge: real servers on loopback that speak, and insist on, each vendor's own protocol."""
