"""In what proportion a model sees its domains: token shards, weights, and the exact order of the data.

Pure functions of plain data; no torch and no Ray, so that a plan can be made and checked anywhere.
"""
