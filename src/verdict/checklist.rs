//! The checklist: what people must have signed. No traffic shows it, so nothing but a signature makes it hold.

use jiff::ToSpan;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::config::ChecklistItem;

use super::words::counted;
use super::{Gate, GateResult, GateState};

crate::exchange::reasons! {
    /// How an item of the checklist stands.
    ItemState {
        /// Signed, and the signature holds.
        Signed = "signed",
        /// By nobody.
        Unsigned = "unsigned",
        /// The last day of its signature has passed.
        Lapsed = "lapsed",
        /// Signed on a day that is yet to come.
        Ahead = "dated-ahead",
    }
}

/// An item of the checklist, as it stands on the day of the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ItemResult {
    /// Its name.
    pub id: String,
    /// What it means.
    pub what: Option<String>,
    /// How it stands.
    pub state: ItemState,
    /// Who has signed it.
    pub by: Option<String>,
    /// Where that can be seen.
    pub evidence: Option<String>,
    /// When it was signed, `YYYY-MM-DD`.
    pub on: Option<String>,
    /// The last day on which the signature holds.
    pub expires: Option<String>,
}

impl ItemResult {
    /// What is told of it beside its name and its meaning: who signed when and until when, or that nobody did.
    pub fn standing(&self) -> String {
        let until = self.expires.as_ref().map_or_else(String::new, |day| format!(", until {day}"));
        match (&self.by, &self.on) {
            (Some(by), Some(on)) => {
                let note = match self.state {
                    ItemState::Signed | ItemState::Unsigned => "",
                    ItemState::Lapsed => ": lapsed",
                    ItemState::Ahead => ": that day is yet to come",
                };
                format!("signed by {by} on {on}{until}{note}")
            }
            _ => format!("nobody has signed it{until}"),
        }
    }
}

/// Every item, as it stands on that day. An item that lapses without a signature is unsigned: there is nothing to lapse.
pub(super) fn judged(items: &[ChecklistItem], today: Date) -> Vec<ItemResult> {
    // Days are told in UTC here, and signed wherever somebody is: it may be tomorrow there.
    let tomorrow = today.checked_add(1.day()).unwrap_or(today);
    let judged = |item: &ChecklistItem| {
        let state = match (&item.signed, item.expires) {
            (None, _) => ItemState::Unsigned,
            (Some(_), Some(last)) if last < today => ItemState::Lapsed,
            (Some(signature), _) if signature.on > tomorrow => ItemState::Ahead,
            _ => ItemState::Signed,
        };
        let signed = item.signed.as_ref();
        ItemResult {
            id: item.id.clone(),
            what: item.what.clone(),
            state,
            by: signed.map(|s| s.by.clone()),
            evidence: signed.map(|s| s.evidence.clone()),
            on: signed.map(|s| s.on.to_string()),
            expires: item.expires.map(|day| day.to_string()),
        }
    };
    items.iter().map(judged).collect()
}

/// Every item is signed, and every signature holds. None where the policy has no checklist. What is open is missing and
/// not bad: it keeps a run from GO and makes none NO-GO.
pub(super) fn gate(items: &[ItemResult]) -> Option<GateResult> {
    if items.is_empty() {
        return None;
    }
    let all = items.len() as u64;
    let open: Vec<String> = items
        .iter()
        .filter_map(|item| {
            Some(match item.state {
                ItemState::Signed => return None,
                ItemState::Unsigned => format!("{} is not signed", item.id),
                ItemState::Lapsed => {
                    format!("{} has lapsed on {}", item.id, item.expires.as_deref().unwrap_or_default())
                }
                ItemState::Ahead => {
                    format!("{} is dated {}, which is yet to come", item.id, item.on.as_deref().unwrap_or_default())
                }
            })
        })
        .collect();
    let holds = open.is_empty();
    let reason = match holds {
        true => format!("{} signed.", counted(all, "item")),
        false => format!("{} of {} open: {}.", open.len(), counted(all, "item"), open.join("; ")),
    };
    Some(GateResult {
        gate: Gate::Checklist,
        endpoint: None,
        state: if holds { GateState::Pass } else { GateState::NotEnough },
        figure: Some((all - open.len() as u64) as f64),
        bound: None,
        limit: Some(all as f64),
        sample: all,
        method: "each item's signature and last day, in the policy".to_owned(),
        reason,
        remedy: (!holds)
            .then(|| "by, evidence and on of each open item in the policy's checklist, and judging again".to_owned()),
    })
}
