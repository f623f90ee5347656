"""Run a campaign: plan it, load its data, run the studies of its pipelines, and summarise it.

Planning does not import torch; `lemur_core.campaign.campaign` does.
"""
