"""The fast path: many spans of many sequences, equal to the recursion of `core` span by span.

`run_jobs` (`run.py`) takes any network: what has a fast form goes through it, anything else through
the recursion (`recursion.py`) of the phrase's part alone (`beta_only.py`). A fast form is formulas
derived by hand: of gates (`gates.py`), of cells (`lstm.py`, `gru.py`), of layers above one another
(`stack.py`) and of pools (`pools.py`); `driver.py` runs it, `devices.py` compiles that and sends it
to the devices. `plan.py` cuts a corpus into jobs and `layout.py` says where a job stores what, both
in NumPy; `shapes.py` holds the static shapes.
"""
