//! Endpoints: which template a path belongs to, given by the policy or learnt from the paths as they come.
//!
//! What is learnt is a trie of path segments. A segment that is plainly a value (a number, a UUID, a date) is
//! variable at once; a place where too many different words stand becomes variable later, and what was counted under
//! those words is then counted together. Numbers given out earlier stay valid: [`EndpointTable::resolve`] says, at
//! the end, which endpoint each has become.

mod segment;
mod trie;

use crate::config::{Endpoints, MAX_TEMPLATES};
use crate::exchange::{Endpoint, EndpointPattern, Request, path_of};

use trie::Trie;

/// At most so many numbers are given out; what comes after goes to `GET {other}`.
pub const MAX_ENDPOINT_NUMBERS: usize = 1024;
/// At most so many different methods are told apart; the others are `{other}`.
pub const MAX_METHODS: usize = 16;
/// The numbers that there can be: beside the learnt ones, one a method for each given template and for what is left over.
pub const MAX_NUMBERS: usize = MAX_ENDPOINT_NUMBERS + (MAX_METHODS + 1) * (MAX_TEMPLATES + 1);
/// A longer method is `{other}`.
pub const MAX_METHOD_BYTES: usize = 24;
/// The template of what the limits turned away.
pub const OTHER: &str = "{other}";

/// Whether a name is plainly a value: then a map keyed by it is one place and not many.
pub(crate) fn looks_like_a_value(name: &str) -> bool {
    segment::variable(name.as_bytes()).is_some()
}

/// What a number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A pattern of the policy, by its position.
    Given(usize),
    /// A node of the trie, which knows where the number is now.
    Learnt,
    /// Nothing in particular: a limit was reached.
    Other,
}

/// Gives each request the number of its endpoint. Asked by one thread in the order of the source, so that a run
/// repeated gives the same numbers.
#[derive(Debug)]
pub struct EndpointTable {
    given: Vec<EndpointPattern>,
    methods: Vec<String>,
    trie: Trie,
    /// Number to (method, place). Bounded by [`MAX_ENDPOINT_NUMBERS`] and one `{other}` a method.
    numbers: Vec<(usize, Place)>,
    /// The way back for what is not in the trie.
    outside: Vec<u32>,
    overflowed: u64,
}

impl EndpointTable {
    /// An empty table under the policy's templates, or none.
    pub fn new(endpoints: &Endpoints) -> EndpointTable {
        let given = endpoints.given().into_iter().cloned().collect();
        EndpointTable {
            given,
            methods: Vec::new(),
            trie: Trie::new(),
            numbers: Vec::new(),
            outside: Vec::new(),
            overflowed: 0,
        }
    }

    /// The number of the request's endpoint. The query is no part of it; methods are counted apart.
    pub fn assign(&mut self, request: &Request) -> u32 {
        let path = path_of(&request.target);
        let method = self.method(&request.method);
        if let Some(at) = self.given(&request.method, path) {
            return self.outside(method, Place::Given(at));
        }
        let room = self.numbers.len() < MAX_ENDPOINT_NUMBERS;
        let next = self.numbers.len() as u32;
        match self.trie.find(path, method, room.then_some(next)) {
            Some(found) => {
                if found == next {
                    self.numbers.push((method, Place::Learnt));
                }
                found
            }
            None => {
                self.overflowed += 1;
                self.outside(method, Place::Other)
            }
        }
    }

    /// The first given pattern that means it. There may be some thousands, so the path is parted once.
    fn given(&self, method: &str, path: &[u8]) -> Option<usize> {
        if self.given.is_empty() {
            return None;
        }
        let segments: Vec<&[u8]> = path.strip_prefix(b"/")?.split(|b| *b == b'/').collect();
        self.given.iter().position(|pattern| pattern.matches_segments(method, &segments))
    }

    /// How many requests went to `{other}` because a limit was reached.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// The endpoint of each number given out so far, by number. Several numbers may have become one endpoint.
    pub fn resolve(&self) -> Vec<Endpoint> {
        let endpoint = |(number, (method, place)): (usize, &(usize, Place))| {
            let template = match place {
                Place::Given(at) => self.given[*at].template().to_owned(),
                Place::Learnt => self.trie.template(self.trie.node_of(number as u32)),
                Place::Other => OTHER.to_owned(),
            };
            let method = self.methods.get(*method).map_or(OTHER, String::as_str).to_owned();
            Endpoint { method, template }
        };
        self.numbers.iter().enumerate().map(endpoint).collect()
    }

    /// The method's position; [`MAX_METHODS`] for all that are too many, too long or no words.
    fn method(&mut self, method: &str) -> usize {
        if let Some(at) = self.methods.iter().position(|m| m == method) {
            return at;
        }
        let word = method.len() <= MAX_METHOD_BYTES && method.bytes().all(|b| b.is_ascii_graphic());
        if self.methods.len() >= MAX_METHODS || !word || method.is_empty() {
            return MAX_METHODS;
        }
        self.methods.push(method.to_owned());
        self.methods.len() - 1
    }

    fn outside(&mut self, method: usize, place: Place) -> u32 {
        let known = self.outside.iter().copied().find(|n| self.numbers.get(*n as usize) == Some(&(method, place)));
        known.unwrap_or_else(|| {
            // At most one a method for each given pattern and for what is left over: bounded by the policy.
            let number = self.numbers.len() as u32;
            self.numbers.push((method, place));
            self.outside.push(number);
            self.trie.skip_number();
            number
        })
    }
}

#[cfg(test)]
mod tests;
