"""Estimators for lemur, which predict the final scores of trials."""
