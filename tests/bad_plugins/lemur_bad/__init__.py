"""Plugins that break one rule of the contract each: the file is named after the rule."""
