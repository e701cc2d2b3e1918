"""The renewals that renewd makes, made with the tools that a user would pick instead. `make bench-peers` prints both.

tools        what is measured, and how each is set up
case         one renewal as a task of a queue: its rows and its two requests
blocking     the task for threads and processes;  coroutines: the same for an event loop
on_...       each queue's own part
ours         renewd and the plain loop, which need no other environment
running      one measurement of a tool: its Redis, its worker, deadlines, and the count at the end
report       the table

The tools live in .venv-peers, with everything that case, blocking, coroutines and on_... import.
"""
