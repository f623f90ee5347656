"""What ``lemur run`` does: the plan, the data, the studies of several pipelines, the summary.

Plans are made without torch; `lemur_core.campaign.campaign` imports it.
"""
