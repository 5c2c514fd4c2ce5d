//! Whether one path means everything that another means, decided without a document.

use super::{Choice, Compiled, Form, JsonPath, advance};
use crate::exchange::Segment;

/// States of two paths together that are looked at; past it nothing is claimed.
const MAX_STATES: usize = 20_000;
/// Indexes that are tried where a path has any; past it nothing is claimed.
const MAX_INDEX: usize = 300;

impl JsonPath {
    /// Whether every place that the other selects is selected by this one or lies inside of what it selects. Some(true)
    /// where all of them lie inside. Paths that only a document decides are told apart by their texts alone.
    pub fn covers(&self, other: &JsonPath) -> Option<bool> {
        if self.text == other.text {
            return Some(false);
        }
        let (Form::Steps(wide), Form::Steps(narrow)) = (&self.form, &other.form) else { return None };
        let letters = alphabet(wide, narrow)?;
        let goal = 1_u64 << wide.len();
        let mut inside = true;
        let mut seen = vec![(0_usize, 1_u64)];
        let mut next = 0;
        while let Some((at, states)) = seen.get(next).copied() {
            next += 1;
            let selected = states & goal != 0;
            let Some(step) = narrow.get(at) else {
                if !selected {
                    return None;
                }
                inside = false;
                continue;
            };
            // Whatever the other selects from here on lies inside of what this one has selected.
            if selected {
                continue;
            }
            for letter in &letters {
                let states = advance(wide, states, letter);
                let taken = step.selectors.iter().any(|choice| choice.takes(letter));
                for (leads, to) in [(step.descend, at), (taken, at + 1)] {
                    if leads && !seen.contains(&(to, states)) {
                        seen.push((to, states));
                    }
                }
            }
            if seen.len() > MAX_STATES {
                return None;
            }
        }
        Some(inside)
    }

    /// Whether it says nothing of what it selects: all of its steps are wildcards.
    pub fn is_anything(&self) -> bool {
        let any = |step: &Compiled| step.selectors.iter().any(|choice| matches!(choice, Choice::Any));
        matches!(&self.form, Form::Steps(steps) if steps.iter().all(any))
    }
}

/// Segments of which each stands for all that the paths do not tell apart. None where these are too many.
fn alphabet(one: &[Compiled], other: &[Compiled]) -> Option<Vec<Segment>> {
    // No JSON text has this name: it stands for all that the paths do not name.
    let mut names = vec!["\u{0}".to_owned()];
    let (mut index, mut period) = (0_usize, 1_usize);
    for choice in one.iter().chain(other).flat_map(|step| &step.selectors) {
        match choice {
            Choice::Any => {}
            Choice::Name(name) if !names.contains(name) => names.push(name.clone()),
            Choice::Name(_) => {}
            Choice::Index(at) => index = index.max(*at),
            Choice::Slice { start, end, step } => {
                index = index.max(*start).max(end.unwrap_or(0));
                period = period.saturating_mul(*step);
            }
        }
    }
    let last = index.saturating_add(period).saturating_add(1);
    let indexes = (last <= MAX_INDEX).then_some(0..=last)?;
    Some(names.into_iter().map(Segment::Key).chain(indexes.map(Segment::Index)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn covers(wide: &str, narrow: &str) -> Option<bool> {
        JsonPath::parse(wide).unwrap().covers(&JsonPath::parse(narrow).unwrap())
    }

    #[test]
    fn a_path_covers_what_it_selects_and_what_lies_inside() {
        for (wide, narrow, expected) in [
            ("$.a", "$.a", Some(false)),
            ("$['a']", "$.a", Some(false)),
            ("$.a", "$.a.b", Some(true)),
            ("$", "$.a", Some(true)),
            ("$.a.b", "$.a", None),
            ("$.*", "$.a", Some(false)),
            ("$..*", "$.a", Some(false)),
            ("$..*", "$", None),
            ("$..id", "$.a.id", Some(false)),
            ("$..id", "$.id.id", Some(true)),
            ("$.a.id", "$..id", None),
            ("$..id", "$..ids", None),
            ("$..id", "$..*", None),
            ("$.items[*].id", "$.items[3].id", Some(false)),
            ("$.items[*]", "$.items[0:9:2].id", Some(true)),
            ("$.items[0:9]", "$.items[2:9:3]", Some(false)),
            ("$.items[0:9]", "$.items[2:10]", None),
            ("$.items[0:9:2]", "$.items[0:9:4]", Some(false)),
            ("$..a..b", "$.a.x.b", Some(false)),
            ("$.a[?@.x == 1]", "$.a[?@.x == 1]", Some(false)),
            ("$.a", "$.a[?@.x == 1]", None),
            ("$.a[0]", "$.a[9999]", None),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} of {narrow}");
        }
        for (path, anything) in
            [("$", true), ("$..*", true), ("$.*[*]", true), ("$.a.*", false), ("$..a", false), ("$[0]", false)]
        {
            assert_eq!(JsonPath::parse(path).unwrap().is_anything(), anything, "{path}");
        }
    }

    fn any_path() -> impl Strategy<Value = String> {
        let step = prop_oneof![
            Just(".a"),
            Just(".b"),
            Just(".*"),
            Just("..a"),
            Just("..*"),
            Just("[0]"),
            Just("[1]"),
            Just("[*]"),
            Just("[0:2]"),
            Just("[1::2]"),
            Just("['a','b']"),
            Just("..[0]")
        ];
        prop::collection::vec(step, 0..4).prop_map(|steps| format!("${}", steps.concat()))
    }

    fn any_place() -> impl Strategy<Value = Vec<Segment>> {
        let key = prop_oneof![Just("a"), Just("b"), Just("c")].prop_map(|key| Segment::Key(key.into()));
        prop::collection::vec(prop_oneof![key, (0..4_usize).prop_map(Segment::Index)], 0..6)
    }

    proptest! {
        #[test]
        fn what_is_covered_is_selected_wherever_the_other_selects(
            wide in any_path(), narrow in any_path(), places in prop::collection::vec(any_place(), 1..200)
        ) {
            let (wide, narrow) = (JsonPath::parse(&wide).unwrap(), JsonPath::parse(&narrow).unwrap());
            let covered = wide.covers(&narrow);
            for place in places.iter().filter(|place| narrow.selects(place).exactly) {
                let selected = wide.selects(place);
                if covered.is_some() {
                    prop_assert!(selected.any(), "{} of {} at {place:?}", wide.as_str(), narrow.as_str());
                }
                if covered == Some(true) {
                    prop_assert!(selected.inside, "{} of {} at {place:?}", wide.as_str(), narrow.as_str());
                }
            }
        }
    }
}
