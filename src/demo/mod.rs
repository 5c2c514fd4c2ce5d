//! The shop: a legacy monolith, and a candidate with known defects.
