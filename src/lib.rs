//! tapcompare asks one question: may users be moved from the legacy implementation to the candidate?
//!
//! The walk of one exchange, told in the order of the modules:
//!
//! 1. [`capture`] yields frames with their time stamps, or [`tee`] stands in line and yields what goes through it.
//! 2. [`wire`] turns either into exchanges: a request and the answer that the legacy gave it.
//! 3. [`shadow`] asks the candidate the same, once, if the policy allows it.
//! 4. [`compare`] lays the two answers side by side under the [`rules`], and gives the exchange its one outcome. What it
//!    shows of them has gone through [`redact`]: secrets do not leave memory.
//! 5. [`tally`] counts.
//! 6. [`verdict`] judges the counts against the policy's gates.
//! 7. [`report`] shows the verdict with its evidence.
//!
//! [`suggest`] reads kept exchanges for rules that people may want to write, and for what mismatches have in common.
//!
//! [`store`] keeps what was counted in a run file, to be judged later and again; [`rescore`] judges what is kept of it under
//! other rules. [`serve`] answers for a run that goes on: the live page, the metrics, the verdict as an API. [`traces`] sends
//! spans of shadow requests to a collector, where that is built in and asked for.
//!
//! [`pipeline`] is the only room that makes channels and threads; [`cli`] is what a person types. A room imports
//! only the rooms before it in the walk and the shared words: [`exchange`], [`ledger`], [`config`]. [`privilege`] is what a
//! process gives up once its capture is open.

pub mod capture;
pub mod cli;
pub mod compare;
pub mod config;
pub mod demo;
pub mod exchange;
pub mod faults;
pub mod ledger;
pub mod pipeline;
pub mod privilege;
pub mod redact;
pub mod report;
pub mod rescore;
pub mod rules;
pub mod serve;
pub mod shadow;
pub mod store;
pub mod suggest;
pub mod tally;
pub mod tee;
pub mod traces;
pub mod verdict;
pub mod wire;
