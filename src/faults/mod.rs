//! Rules under test: would a real defect have been noticed?
//!
//! A comparison is as good as what it looks at. Three questions are asked of specimens, exchanges that were kept whole:
//!
//! - **Fault detection** ([`seed`], `detect`): defects of the kinds that real candidates have are put into copies of the
//!   candidate's real answers, one at a time, and the copy is compared again. What share is noticed, and what hid the rest?
//! - **Depth** (`depth`): of every value that the legacy answered, what would the rules say if it changed?
//! - **Audit** (`audit`): what has each rule answered for, what would have failed without it, and what is wrong with it?
//!
//! [`trial`] asks all three. It is pure, and every choice in it comes from a seed that the specimen gives, so that the same
//! specimens under the same rules give the same result.

mod audit;
mod content;
mod depth;
mod detect;
mod dice;
mod fair;
#[cfg(test)]
pub(crate) mod invented;
mod keys;
mod kind;
mod look;
mod moment;
mod seed;
mod seed_headers;
mod seed_json;
mod seed_text;
mod specimen;
#[cfg(test)]
mod tests;
mod trial;
mod trials;
mod value;

pub use audit::{Finding, Flaw, RuleAudit, SOON, Uses};
pub use depth::{Depth, Hides, MAX_VALUES};
pub use detect::{Hider, MAX_UNNOTICED, Unnoticed};
pub use fair::{is_of_the_answer, value_is_of_the_answer};
pub use kind::FaultKind;
pub use seed::{Fault, MAX_PLACES, faults};
pub use specimen::{Laid, MAX_BODY};
pub use trial::{Counted, EndpointTrial, MAX_ENDPOINTS, MAX_SPECIMENS, Terms, Trial, trial};
pub use trials::{Held, MAX_REMEMBERED, Trials};
