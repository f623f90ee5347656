"""Estimators of final scores for lemur."""
