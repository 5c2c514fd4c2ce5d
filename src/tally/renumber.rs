//! A tally under other numbers: what several runs need that each numbered their endpoints and exchanges themselves.

use std::sync::Arc;

use super::count::Tally;
use super::group::{Group, Groups, Key};

impl Tally {
    /// The same counts under other endpoint numbers, and with positions in the source that begin at `offset`.
    pub(crate) fn renumbered(mut self, number: impl Fn(u32) -> u32, offset: u64) -> Tally {
        let moved = move |sequence: u64| sequence.saturating_add(offset);
        self.cells = self.cells.renumbered(&number, moved);
        self.clients = self.clients.renumbered(&number);
        self.days = self.days.renumbered(&number);
        self.over_time = self.over_time.renumbered(&number);
        let mut groups = Groups::default();
        for (key, group) in self.groups.groups {
            let key = Key::new(number(key.endpoint), key.place, key.kind, key.class);
            let examples = group.examples.into_iter().map(|(sequence, example)| {
                let mut example = Arc::unwrap_or_clone(example);
                example.sequence = moved(example.sequence);
                (moved(sequence), Arc::new(example))
            });
            let group = Group { examples: examples.collect(), ..group };
            groups.groups.entry(key).or_default().merge(group);
        }
        self.groups = groups;
        self.failures = self.failures.renumbered(&number, moved);
        self.signatures = self.signatures.renumbered(&number, moved);
        for rule in self.rules.values_mut() {
            rule.sample.sequence = moved(rule.sample.sequence);
            rule.sample.endpoint = number(rule.sample.endpoint);
        }
        self
    }
}
