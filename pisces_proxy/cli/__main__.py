"""`python -m pisces_proxy.cli`, for where the script is not on the path."""

from . import main

main(prog_name="pisces")
