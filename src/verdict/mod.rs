//! Snapshot and policy to verdict. Pure: no I/O, no clock, no chance.
