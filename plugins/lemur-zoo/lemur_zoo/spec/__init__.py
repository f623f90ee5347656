"""The specification of a zoo: a published name or a TOML file, and the members that it means."""
