"""The official SDKs, each used as its users do, behind one small face for the tests."""
