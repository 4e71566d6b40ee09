"""How fast popsim is; see the README beside this file."""
