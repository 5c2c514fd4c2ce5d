//! Exchanges to observations: what may be asked, when, and the asking itself.
