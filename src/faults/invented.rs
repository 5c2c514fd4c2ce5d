//! Trials that never were, for tests of whoever reads them.

use super::{Counted, Depth, EndpointTrial, FaultKind, Hider, Hides, RuleAudit, Trial, Unnoticed};
use crate::exchange::Endpoint;

/// One endpoint into which so many faults were put, of which so many were noticed; the rule `wide` hid the others.
pub(crate) fn endpoint(name: &str, seeded: u64, noticed: u64) -> EndpointTrial {
    let (method, template) = name.split_once(' ').unwrap();
    let missed = Unnoticed {
        fault: FaultKind::FieldDropped,
        place: "body /items/*/price".into(),
        hidden_by: Hider::Rule("wide".into()),
        faults: seeded - noticed,
    };
    EndpointTrial {
        endpoint: Endpoint { method: method.into(), template: template.into() },
        specimens: 8,
        sound: 8,
        faults: [(FaultKind::FieldDropped, Counted { seeded, noticed })].into(),
        unnoticed: (seeded > noticed).then_some(missed).into_iter().collect(),
        depth: depth(100, 0),
    }
}

/// So many values, of which so many are hidden by the rule `wide`.
pub(crate) fn depth(values: u64, hidden: u64) -> Depth {
    let by_rule = (hidden > 0).then(|| ("wide".into(), Hides { hidden, loose: 0 }));
    Depth { values, hidden, loose: 0, by_rule: by_rule.into_iter().collect() }
}

/// A trial of these endpoints.
pub(crate) fn trial(endpoints: Vec<EndpointTrial>) -> Trial {
    let specimens = endpoints.iter().map(|endpoint| endpoint.specimens).sum();
    Trial { specimens, endpoints, depth: depth(1_000, 0), ..Trial::default() }
}

/// A rule with which nothing is wrong.
pub(crate) fn audit(id: &str) -> RuleAudit {
    RuleAudit {
        id: id.into(),
        differences: 0,
        exchanges: 0,
        specimens: 0,
        needed: 0,
        values: Hides::default(),
        share: None,
        faults_hidden: 0,
        findings: Vec::new(),
    }
}
