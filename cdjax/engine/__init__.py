"""The fast path: many spans of many sequences, equal to the recursion of `core` span by span.

`run_jobs` (`run.py`) takes any network: what has a fast form goes through it (`driver.py` with the
formulas of `lstm.py`, compiled and sent to the devices by `devices.py`), anything else through the
definition itself (`recursion.py`). `plan.py` cuts a corpus into jobs and `layout.py` says where a
job stores what, both in NumPy; `shapes.py` holds the static shapes.
"""
