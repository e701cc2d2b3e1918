"""What `renewd doctor` looks at: the facts of this machine, and what they mean. Pure; `service.wiring_doctor` collects."""
