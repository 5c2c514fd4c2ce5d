//! What the policy file means.
