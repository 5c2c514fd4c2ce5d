//! What a run would send and what not, as a list by endpoint, without sending anything.
//!
//! It holds what the policy alone decides: methods, endpoints, sample. The rate, the breaker and the candidate's answers
//! may keep more back when it is meant.

use std::collections::BTreeMap;

use super::request::ShadowRequest;
use super::sample;
use crate::config::{Safety, Sample};
use crate::exchange::{Endpoint, Exchange, Skip};

/// Endpoint numbers that are listed; exchanges of further ones are counted together.
pub const MAX_LISTED: usize = 4096;

/// The request line of a sample is cut at so many characters.
const MAX_SAMPLE_CHARS: usize = 160;

/// What would become of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planned {
    /// It would be sent.
    Send,
    /// It would be sent as a write whose effects the candidate must discard, as long as each answer says so.
    SendSandboxed,
    /// It would not.
    Skip(Skip),
}

/// How many exchanges, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// How many.
    pub count: u64,
    /// The request line of the first; hostile.
    pub sample: String,
    /// Where the first stands among all that were noted.
    first: u64,
}

/// What would become of the exchanges of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointPlan(pub BTreeMap<Planned, Noted>);

/// The list of one run, in the order of the endpoints' names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DryRunPlan {
    /// By endpoint.
    pub endpoints: Vec<(Endpoint, EndpointPlan)>,
    /// Of endpoints past [`MAX_LISTED`].
    pub beyond: EndpointPlan,
}

/// Gathers the list.
#[derive(Debug)]
pub struct DryRun {
    sample: Option<Sample>,
    endpoints: BTreeMap<u32, EndpointPlan>,
    beyond: EndpointPlan,
    noted: u64,
}

impl DryRun {
    /// Under this policy.
    pub fn new(safety: &Safety) -> DryRun {
        DryRun { sample: safety.sample.clone(), endpoints: BTreeMap::new(), beyond: EndpointPlan::default(), noted: 0 }
    }

    /// Notes an exchange of that endpoint number with what [`super::Shadow::decide`] said of it. `request_line` is called
    /// only for the first of its kind, and is shown: redact it.
    pub fn note(
        &mut self,
        endpoint: u32,
        exchange: &Exchange,
        decided: &Result<ShadowRequest, Skip>,
        request_line: impl FnOnce() -> String,
    ) {
        let in_sample = || self.sample.as_ref().is_none_or(|sample| sample::holds(sample, exchange));
        let planned = match decided {
            Err(skip) => Planned::Skip(*skip),
            Ok(_) if !in_sample() => Planned::Skip(Skip::NotSampled),
            Ok(request) if request.opening().sandbox().is_some() => Planned::SendSandboxed,
            Ok(_) => Planned::Send,
        };
        let is_listed = self.endpoints.len() < MAX_LISTED || self.endpoints.contains_key(&endpoint);
        let plan = if is_listed { self.endpoints.entry(endpoint).or_default() } else { &mut self.beyond };
        let first = self.noted;
        self.noted += 1;
        let noted = plan.0.entry(planned).or_insert_with(|| Noted {
            count: 0,
            sample: request_line().chars().take(MAX_SAMPLE_CHARS).collect(),
            first,
        });
        noted.count += 1;
    }

    /// The list under the endpoints that the numbers have become in the end
    /// ([`crate::exchange::Endpoint`]s by number); numbers that became one endpoint are joined.
    pub fn plan(self, endpoints: &[Endpoint]) -> DryRunPlan {
        let mut named: BTreeMap<Endpoint, EndpointPlan> = BTreeMap::new();
        let mut beyond = self.beyond;
        for (number, plan) in self.endpoints {
            match endpoints.get(number as usize) {
                Some(endpoint) => named.entry(endpoint.clone()).or_default().join(plan),
                None => beyond.join(plan),
            }
        }
        DryRunPlan { endpoints: named.into_iter().collect(), beyond }
    }
}

impl EndpointPlan {
    fn join(&mut self, other: EndpointPlan) {
        for (planned, noted) in other.0 {
            match self.0.get_mut(&planned) {
                None => {
                    self.0.insert(planned, noted);
                }
                Some(known) => {
                    known.count += noted.count;
                    if noted.first < known.first {
                        (known.first, known.sample) = (noted.first, noted.sample);
                    }
                }
            }
        }
    }
}

impl DryRunPlan {
    /// Exchanges that would be sent, and all.
    pub fn totals(&self) -> (u64, u64) {
        let plans = self.endpoints.iter().map(|(_, plan)| plan).chain([&self.beyond]);
        plans.flat_map(|plan| &plan.0).fold((0, 0), |(sent, all), (planned, noted)| {
            let sends = !matches!(planned, Planned::Skip(_));
            (sent + if sends { noted.count } else { 0 }, all + noted.count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{OpenEndpoint, SampleBy, Treatment};
    use crate::exchange::{Body, Headers, Moments, Request, Response, Version};
    use crate::shadow::{Secrets, safety};

    fn exchange(line: &str, client: &str) -> Exchange {
        let (method, target) = line.split_once(' ').unwrap();
        let (version, headers, body) = (Version::Http11, Headers::new(), Body::default());
        let request = Request {
            method: method.into(),
            target: target.to_owned().into(),
            version,
            headers: headers.clone(),
            body: body.clone(),
        };
        Exchange {
            client: client.parse().unwrap(),
            server: "192.0.2.1:80".parse().unwrap(),
            request: Some(request),
            response: Some(Response { version, status: 200, headers, body, interim: vec![] }),
            interim_only: Vec::new(),
            incomplete: None,
            moments: Moments::default(),
        }
    }

    fn endpoint(method: &str, template: &str) -> Endpoint {
        Endpoint { method: method.into(), template: template.into() }
    }

    fn noted(run: &mut DryRun, policy: &Safety, number: u32, line: &str, client: &str) {
        let exchange = exchange(line, client);
        let decided = safety::decide(&exchange, policy, &Secrets::default());
        run.note(number, &exchange, &decided, || line.to_owned());
    }

    #[test]
    fn decisions_become_a_list_by_endpoint_with_the_first_of_each_kind() {
        let open = |endpoint: &str, treatment| OpenEndpoint { endpoint: endpoint.parse().unwrap(), treatment };
        let policy = Safety {
            endpoints: vec![open("POST /orders", Treatment::Sandboxed), open("POST /search", Treatment::Read)],
            sample: Some(Sample { share: 0.1, by: SampleBy::Client }),
            ..Safety::default()
        };
        let mut run = DryRun::new(&policy);
        let (inside, outside) = ("10.0.0.7:1", "10.0.0.8:1");
        for (number, line, client) in [
            (0, "GET /items/1", outside),
            (1, "GET /items/2", inside),
            (1, "GET /items/3", inside),
            (0, "GET /items/4", inside),
            (2, "POST /orders", inside),
            (2, "POST /orders", outside),
            (3, "DELETE /items/1", inside),
            (4, "POST /search", inside),
        ] {
            noted(&mut run, &policy, number, line, client);
        }
        let names = [("GET", "/items/{id}"), ("GET", "/items/{id}"), ("POST", "/orders"), ("DELETE", "/items/{id}")];
        let names = names.map(|(method, template)| endpoint(method, template));
        let plan = run.plan(&names);
        assert_eq!(plan.totals(), (5, 8));
        let told: Vec<String> = plan
            .endpoints
            .iter()
            .flat_map(|(name, plan)| {
                plan.0.iter().map(move |(kind, n)| format!("{name}: {kind:?} {} {}", n.count, n.sample))
            })
            .collect();
        let expected = [
            "DELETE /items/{id}: Skip(UnsafeMethod) 1 DELETE /items/1",
            "GET /items/{id}: Send 3 GET /items/2",
            "GET /items/{id}: Skip(NotSampled) 1 GET /items/1",
            "POST /orders: SendSandboxed 1 POST /orders",
            "POST /orders: Skip(NotSampled) 1 POST /orders",
        ];
        let mut told = told;
        told.sort();
        assert_eq!(told, expected);
        assert_eq!(plan.beyond.0[&Planned::Send].count, 1, "a number without a name is not lost");
    }

    #[test]
    fn the_list_and_its_samples_are_bounded_and_nothing_is_uncounted() {
        let policy = Safety::default();
        let mut run = DryRun::new(&policy);
        let long = format!("GET /{}", "x".repeat(10_000));
        for number in 0..MAX_LISTED as u32 + 50 {
            noted(&mut run, &policy, number, &long, "10.0.0.1:1");
        }
        noted(&mut run, &policy, 0, "GET /", "10.0.0.1:1");
        assert_eq!(run.endpoints.len(), MAX_LISTED);
        assert_eq!(run.endpoints[&0].0[&Planned::Send].count, 2, "one that is listed goes on being counted");
        let plan = run.plan(&[]);
        assert_eq!(plan.totals(), (MAX_LISTED as u64 + 51, MAX_LISTED as u64 + 51));
        assert_eq!(plan.beyond.0[&Planned::Send].sample.chars().count(), MAX_SAMPLE_CHARS);
    }
}
