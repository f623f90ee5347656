"""Evaluate estimators by replaying recorded learning curves."""
