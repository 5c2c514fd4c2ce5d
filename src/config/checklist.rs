//! What people must have done and signed before users are moved: no traffic shows it.

use jiff::civil::Date;

/// One item of the policy's checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecklistItem {
    /// Its name, unique in the policy: `rollback-route-tested`.
    pub id: String,
    /// What it means, for whoever reads the report.
    pub what: Option<String>,
    /// Who has signed it, and on what grounds; None: nobody yet, which blocks GO.
    pub signed: Option<Signature>,
    /// The last day on which the signature holds; None: it does not lapse.
    pub expires: Option<Date>,
}

/// Somebody's word that an item is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who.
    pub by: String,
    /// Where it can be seen.
    pub evidence: String,
    /// When it was signed.
    pub on: Date,
}
