"""Nets that machines, or strangers, write: examined, run where they can do no harm, judged."""
