"""The state machine: no clock, chance, thread, log, file or protobuf."""
