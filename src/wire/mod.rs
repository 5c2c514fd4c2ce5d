//! Frames to exchanges. No I/O and no clock: bytes and time come in as arguments.
